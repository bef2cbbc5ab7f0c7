-- permit: rows
SELECT id FROM customer WHERE id + 1 > 5

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
WHERE
  TRY("customer"."id" + 1) > 5

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
  OFFSET 0
) AS "customer"
WHERE
  "customer"."id" + 1 > 5

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
  LIMIT 18446744073709551615
) AS `customer`
WHERE
  `customer`.`id` + 1 > 5

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
WHERE
  TRY_ADD(`customer`.`id`, 1) > 5
