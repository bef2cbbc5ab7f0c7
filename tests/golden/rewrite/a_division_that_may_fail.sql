-- permit: rows
SELECT id FROM customer WHERE 1 / (CASE WHEN country = 'XX' THEN 0 ELSE 1 END) = 1

-- duckdb
SELECT
  "customer"."id",
  "customer"."__rf_no"
FROM (
  SELECT
    "id",
    "country",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p" = TRUE
) AS "customer"
WHERE
  TRY(1 / NULLIF((
    CASE WHEN "customer"."country" = 'XX' THEN 0 ELSE 1 END
  ), 0)) = 1

-- postgres
SELECT
  "customer"."id",
  "customer"."__rf_no"
FROM (
  SELECT
    "id",
    "country",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p"
  OFFSET 0
) AS "customer"
WHERE
  1 / NULLIF((
    CASE WHEN "customer"."country" = 'XX' THEN 0 ELSE 1 END
  ), 0) = 1

-- mysql
SELECT
  `customer`.`id`,
  `customer`.`__rf_no`
FROM (
  SELECT
    `id`,
    `country`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
  LIMIT 18446744073709551615
) AS `customer`
WHERE
  1 / NULLIF((
    CASE WHEN `customer`.`country` = 'XX' THEN 0 ELSE 1 END
  ), 0) = 1

-- spark
SELECT
  `customer`.`id`,
  `customer`.`__rf_no`
FROM (
  SELECT
    `id`,
    `country`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `customer`
WHERE
  TRY_DIVIDE(1, NULLIF((
    CASE WHEN `customer`.`country` = 'XX' THEN 0 ELSE 1 END
  ), 0)) = 1
