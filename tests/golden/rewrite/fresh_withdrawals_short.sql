-- permit: rows-with-a-short-tail
SELECT count(*) FROM customer

-- duckdb
SELECT
  COUNT(*) AS "count"
FROM (
  SELECT
    1 AS "__rf_one"
  FROM "rf_base"."customer"
  WHERE
    "rf_p" = TRUE AND NOT "rf_no" IN (7, 11)
) AS "customer"

-- postgres
SELECT
  COUNT(*) AS "count"
FROM (
  SELECT
    1 AS "__rf_one"
  FROM "rf_base"."customer"
  WHERE
    "rf_p" AND NOT "rf_no" IN (7, 11)
) AS "customer"

-- mysql
SELECT
  COUNT(*) AS `count`
FROM (
  SELECT
    1 AS `__rf_one`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p` AND NOT `rf_no` IN (7, 11)
) AS `customer`

-- spark
SELECT
  COUNT(*) AS `count`
FROM (
  SELECT
    1 AS `__rf_one`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p` AND NOT `rf_no` IN (7, 11)
) AS `customer`
