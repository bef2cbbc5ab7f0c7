-- permit: rows
SELECT id, name FROM customer WHERE country = 'DE' ORDER BY name LIMIT 20

-- duckdb
SELECT
  "customer"."id",
  "customer"."name",
  "customer"."__rf_no"
FROM (
  SELECT
    "id",
    "name",
    "country",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p" = TRUE
) AS "customer"
WHERE
  "customer"."country" = 'DE'
ORDER BY
  "customer"."name"
LIMIT 20

-- postgres
SELECT
  "customer"."id",
  "customer"."name",
  "customer"."__rf_no"
FROM (
  SELECT
    "id",
    "name",
    "country",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p"
) AS "customer"
WHERE
  "customer"."country" = 'DE'
ORDER BY
  "customer"."name"
LIMIT 20

-- mysql
SELECT
  `customer`.`id`,
  `customer`.`name`,
  `customer`.`__rf_no`
FROM (
  SELECT
    `id`,
    `name`,
    `country`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `customer`
WHERE
  `customer`.`country` = 'DE'
ORDER BY
  `customer`.`name`
LIMIT 20

-- spark
SELECT
  `customer`.`id`,
  `customer`.`name`,
  `customer`.`__rf_no`
FROM (
  SELECT
    `id`,
    `name`,
    `country`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `customer`
WHERE
  `customer`.`country` = 'DE'
ORDER BY
  `customer`.`name`
LIMIT 20
