-- permit: counts
SELECT country, count(*) AS n, avg(ltv) AS mean FROM customer GROUP BY country ORDER BY n DESC

-- duckdb
SELECT
  "customer"."country",
  COUNT(*) AS "n",
  AVG("customer"."ltv") AS "mean",
  COUNT("customer"."__rf_no") AS "__rf_n"
FROM (
  SELECT
    "country",
    "ltv",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p" = TRUE
) AS "customer"
GROUP BY
  "customer"."country"
ORDER BY
  "n" DESC

-- postgres
SELECT
  "customer"."country",
  COUNT(*) AS "n",
  AVG("customer"."ltv") AS "mean",
  COUNT("customer"."__rf_no") AS "__rf_n"
FROM (
  SELECT
    "country",
    "ltv",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p"
) AS "customer"
GROUP BY
  "customer"."country"
ORDER BY
  "n" DESC

-- mysql
SELECT
  `customer`.`country`,
  COUNT(*) AS `n`,
  AVG(`customer`.`ltv`) AS `mean`,
  COUNT(`customer`.`__rf_no`) AS `__rf_n`
FROM (
  SELECT
    `country`,
    `ltv`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `customer`
GROUP BY
  `customer`.`country`
ORDER BY
  `n` DESC

-- spark
SELECT
  `customer`.`country`,
  COUNT(*) AS `n`,
  AVG(`customer`.`ltv`) AS `mean`,
  COUNT(`customer`.`__rf_no`) AS `__rf_n`
FROM (
  SELECT
    `country`,
    `ltv`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `customer`
GROUP BY
  `customer`.`country`
ORDER BY
  `n` DESC
