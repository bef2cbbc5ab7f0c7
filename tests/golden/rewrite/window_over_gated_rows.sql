-- permit: rows
SELECT id, row_number() OVER (PARTITION BY country ORDER BY ltv DESC) AS place FROM customer

-- duckdb
SELECT
  "customer"."id",
  ROW_NUMBER() OVER (PARTITION BY "customer"."country" ORDER BY "customer"."ltv" DESC) AS "place",
  "customer"."__rf_no"
FROM (
  SELECT
    "id",
    "country",
    "ltv",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p" = TRUE
) AS "customer"

-- postgres
SELECT
  "customer"."id",
  ROW_NUMBER() OVER (PARTITION BY "customer"."country" ORDER BY "customer"."ltv" DESC) AS "place",
  "customer"."__rf_no"
FROM (
  SELECT
    "id",
    "country",
    "ltv",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p"
) AS "customer"

-- mysql
SELECT
  `customer`.`id`,
  ROW_NUMBER() OVER (PARTITION BY `customer`.`country` ORDER BY `customer`.`ltv` DESC) AS `place`,
  `customer`.`__rf_no`
FROM (
  SELECT
    `id`,
    `country`,
    `ltv`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `customer`

-- spark
SELECT
  `customer`.`id`,
  ROW_NUMBER() OVER (PARTITION BY `customer`.`country` ORDER BY `customer`.`ltv` DESC) AS `place`,
  `customer`.`__rf_no`
FROM (
  SELECT
    `id`,
    `country`,
    `ltv`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `customer`
