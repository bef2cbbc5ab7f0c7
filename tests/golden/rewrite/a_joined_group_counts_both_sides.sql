-- permit: counts
SELECT c.country, sum(a.amount) AS total FROM customer c LEFT JOIN activity a ON a.customer_id = c.id GROUP BY 1

-- duckdb
SELECT
  "c"."country",
  SUM("a"."amount") AS "total",
  COUNT(DISTINCT "c"."__rf_no") AS "__rf_n"
FROM (
  SELECT
    "id",
    "country",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p" = TRUE
) AS "c"
LEFT JOIN (
  SELECT
    "customer_id",
    "amount",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."activity"
  WHERE
    "rf_p" = TRUE
) AS "a"
  ON "a"."customer_id" = "c"."id"
GROUP BY
  "c"."country"
HAVING
  COUNT(DISTINCT "c"."__rf_no") >= 3
  AND (
    COUNT(DISTINCT "a"."__rf_no") = 0 OR COUNT(DISTINCT "a"."__rf_no") >= 3
  )

-- postgres
SELECT
  "c"."country",
  SUM("a"."amount") AS "total",
  COUNT(DISTINCT "c"."__rf_no") AS "__rf_n"
FROM (
  SELECT
    "id",
    "country",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p"
) AS "c"
LEFT JOIN (
  SELECT
    "customer_id",
    "amount",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."activity"
  WHERE
    "rf_p"
) AS "a"
  ON "a"."customer_id" = "c"."id"
GROUP BY
  "c"."country"
HAVING
  COUNT(DISTINCT "c"."__rf_no") >= 3
  AND (
    COUNT(DISTINCT "a"."__rf_no") = 0 OR COUNT(DISTINCT "a"."__rf_no") >= 3
  )

-- mysql
SELECT
  `c`.`country`,
  SUM(`a`.`amount`) AS `total`,
  COUNT(DISTINCT `c`.`__rf_no`) AS `__rf_n`
FROM (
  SELECT
    `id`,
    `country`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `c`
LEFT JOIN (
  SELECT
    `customer_id`,
    `amount`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`activity`
  WHERE
    `rf_p`
) AS `a`
  ON `a`.`customer_id` = `c`.`id`
GROUP BY
  `c`.`country`
HAVING
  COUNT(DISTINCT `c`.`__rf_no`) >= 3
  AND (
    COUNT(DISTINCT `a`.`__rf_no`) = 0 OR COUNT(DISTINCT `a`.`__rf_no`) >= 3
  )

-- spark
SELECT
  `c`.`country`,
  SUM(`a`.`amount`) AS `total`,
  COUNT(DISTINCT `c`.`__rf_no`) AS `__rf_n`
FROM (
  SELECT
    `id`,
    `country`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `c`
LEFT JOIN (
  SELECT
    `customer_id`,
    `amount`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`activity`
  WHERE
    `rf_p`
) AS `a`
  ON `a`.`customer_id` = `c`.`id`
GROUP BY
  `c`.`country`
HAVING
  COUNT(DISTINCT `c`.`__rf_no`) >= 3
  AND (
    COUNT(DISTINCT `a`.`__rf_no`) = 0 OR COUNT(DISTINCT `a`.`__rf_no`) >= 3
  )
