-- permit: rows-with-a-tail
SELECT count(*) FROM customer

-- duckdb
SELECT
  COUNT(*) AS "count"
FROM (
  SELECT
    1 AS "__rf_one"
  FROM "rf_base"."customer"
  WHERE
    "rf_p" = TRUE
    AND NOT "rf_no" IN (
      SELECT
        CAST(UNNEST(STR_SPLIT('1,2,3,4,5,6,7,8,9,10,11,12', ',')) AS BIGINT) AS "__rf_no"
    )
) AS "customer"

-- postgres
SELECT
  COUNT(*) AS "count"
FROM (
  SELECT
    1 AS "__rf_one"
  FROM "rf_base"."customer"
  WHERE
    "rf_p" AND "rf_no" <> ALL(CAST('{1,2,3,4,5,6,7,8,9,10,11,12}' AS BIGINT[]))
) AS "customer"

-- mysql
SELECT
  COUNT(*) AS `count`
FROM (
  SELECT
    1 AS `__rf_one`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p` AND NOT `rf_no` IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
) AS `customer`

-- spark
SELECT
  COUNT(*) AS `count`
FROM (
  SELECT
    1 AS `__rf_one`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p` AND NOT `rf_no` IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
) AS `customer`
