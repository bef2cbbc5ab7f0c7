-- permit: rows
SELECT id FROM customer WHERE CAST(name AS INT) > 0

-- duckdb
SELECT
  "customer"."id",
  "customer"."__rf_no"
FROM (
  SELECT
    "id",
    "name",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p" = TRUE
) AS "customer"
WHERE
  TRY_CAST("customer"."name" AS INT) > 0

-- postgres
SELECT
  "customer"."id",
  "customer"."__rf_no"
FROM (
  SELECT
    "id",
    "name",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p"
  OFFSET 0
) AS "customer"
WHERE
  CASE
    WHEN TRIM("customer"."name") ~ '^[+-]?[0-9]{1,9}$'
    THEN CAST(TRIM("customer"."name") AS INT)
  END > 0

-- mysql
-- refused: sql.unlisted-type: mysql has no safe cast of text to an integer

-- spark
SELECT
  `customer`.`id`,
  `customer`.`__rf_no`
FROM (
  SELECT
    `id`,
    `name`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `customer`
WHERE
  TRY_CAST(`customer`.`name` AS INT) > 0
