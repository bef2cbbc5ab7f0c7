-- permit: rows-with-a-long-tail
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
        "__rf_tail"."__rf_no"
      FROM "rf_state"."tail" AS "__rf_tail"
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
    "rf_p"
    AND NOT "rf_no" IN (
      SELECT
        "__rf_tail"."__rf_no"
      FROM "rf_state"."tail" AS "__rf_tail"
    )
) AS "customer"

-- mysql
SELECT
  COUNT(*) AS `count`
FROM (
  SELECT
    1 AS `__rf_one`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
    AND NOT `rf_no` IN (
      SELECT
        `__rf_tail`.`__rf_no`
      FROM `rf_state`.`tail` AS `__rf_tail`
    )
) AS `customer`

-- spark
SELECT
  COUNT(*) AS `count`
FROM (
  SELECT
    1 AS `__rf_one`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
    AND NOT `rf_no` IN (
      SELECT
        `__rf_tail`.`__rf_no`
      FROM `rf_state`.`tail` AS `__rf_tail`
    )
) AS `customer`
