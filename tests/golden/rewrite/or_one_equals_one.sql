-- permit: rows
SELECT id FROM customer c WHERE c.name = 'x' OR 1 = 1

-- duckdb
SELECT
  "c"."id",
  "c"."__rf_no"
FROM (
  SELECT
    "id",
    "name",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p" = TRUE
) AS "c"
WHERE
  "c"."name" = 'x' OR 1 = 1

-- postgres
SELECT
  "c"."id",
  "c"."__rf_no"
FROM (
  SELECT
    "id",
    "name",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p"
) AS "c"
WHERE
  "c"."name" = 'x' OR 1 = 1

-- mysql
SELECT
  `c`.`id`,
  `c`.`__rf_no`
FROM (
  SELECT
    `id`,
    `name`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `c`
WHERE
  `c`.`name` = 'x' OR 1 = 1

-- spark
SELECT
  `c`.`id`,
  `c`.`__rf_no`
FROM (
  SELECT
    `id`,
    `name`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `c`
WHERE
  `c`.`name` = 'x' OR 1 = 1
