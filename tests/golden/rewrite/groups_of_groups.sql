-- permit: counts
SELECT avg(n) AS mean FROM (SELECT country, count(*) AS n FROM customer GROUP BY country) AS s

-- duckdb
SELECT
  AVG("s"."n") AS "mean",
  MAX("s"."__rf_n") AS "__rf_n"
FROM (
  SELECT
    "customer"."country",
    COUNT(*) AS "n",
    COUNT("customer"."__rf_no") AS "__rf_n"
  FROM (
    SELECT
      "country",
      "rf_no" AS "__rf_no"
    FROM "rf_base"."customer"
    WHERE
      "rf_p" = TRUE
  ) AS "customer"
  GROUP BY
    "customer"."country"
  HAVING
    COUNT("customer"."__rf_no") >= 3
) AS "s"

-- postgres
SELECT
  AVG("s"."n") AS "mean",
  MAX("s"."__rf_n") AS "__rf_n"
FROM (
  SELECT
    "customer"."country",
    COUNT(*) AS "n",
    COUNT("customer"."__rf_no") AS "__rf_n"
  FROM (
    SELECT
      "country",
      "rf_no" AS "__rf_no"
    FROM "rf_base"."customer"
    WHERE
      "rf_p"
  ) AS "customer"
  GROUP BY
    "customer"."country"
  HAVING
    COUNT("customer"."__rf_no") >= 3
) AS "s"

-- mysql
SELECT
  AVG(`s`.`n`) AS `mean`,
  MAX(`s`.`__rf_n`) AS `__rf_n`
FROM (
  SELECT
    `customer`.`country`,
    COUNT(*) AS `n`,
    COUNT(`customer`.`__rf_no`) AS `__rf_n`
  FROM (
    SELECT
      `country`,
      `rf_no` AS `__rf_no`
    FROM `rf_base`.`customer`
    WHERE
      `rf_p`
  ) AS `customer`
  GROUP BY
    `customer`.`country`
  HAVING
    COUNT(`customer`.`__rf_no`) >= 3
) AS `s`

-- spark
SELECT
  AVG(`s`.`n`) AS `mean`,
  MAX(`s`.`__rf_n`) AS `__rf_n`
FROM (
  SELECT
    `customer`.`country`,
    COUNT(*) AS `n`,
    COUNT(`customer`.`__rf_no`) AS `__rf_n`
  FROM (
    SELECT
      `country`,
      `rf_no` AS `__rf_no`
    FROM `rf_base`.`customer`
    WHERE
      `rf_p`
  ) AS `customer`
  GROUP BY
    `customer`.`country`
  HAVING
    COUNT(`customer`.`__rf_no`) >= 3
) AS `s`
