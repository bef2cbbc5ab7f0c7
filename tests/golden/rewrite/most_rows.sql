-- permit: ten-rows
SELECT id FROM customer ORDER BY id LIMIT 500

-- duckdb
SELECT
  "customer"."id",
  "customer"."__rf_no"
FROM (
  SELECT
    "id",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p" = TRUE
) AS "customer"
ORDER BY
  "customer"."id"
LIMIT 10

-- postgres
SELECT
  "customer"."id",
  "customer"."__rf_no"
FROM (
  SELECT
    "id",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p"
) AS "customer"
ORDER BY
  "customer"."id"
LIMIT 10

-- mysql
SELECT
  `customer`.`id`,
  `customer`.`__rf_no`
FROM (
  SELECT
    `id`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `customer`
ORDER BY
  `customer`.`id`
LIMIT 10

-- spark
SELECT
  `customer`.`id`,
  `customer`.`__rf_no`
FROM (
  SELECT
    `id`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `customer`
ORDER BY
  `customer`.`id`
LIMIT 10
