-- permit: rows
SELECT c.country, a.kind FROM customer c JOIN activity a ON a.customer_id = c.id

-- duckdb
SELECT
  "c"."country",
  "a"."kind",
  "c"."__rf_no",
  "a"."__rf_no" AS "__rf_no_2"
FROM (
  SELECT
    "id",
    "country",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p" = TRUE
) AS "c"
JOIN (
  SELECT
    "customer_id",
    "kind",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."activity"
  WHERE
    "rf_p" = TRUE
) AS "a"
  ON "a"."customer_id" = "c"."id"

-- postgres
SELECT
  "c"."country",
  "a"."kind",
  "c"."__rf_no",
  "a"."__rf_no" AS "__rf_no_2"
FROM (
  SELECT
    "id",
    "country",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p"
) AS "c"
JOIN (
  SELECT
    "customer_id",
    "kind",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."activity"
  WHERE
    "rf_p"
) AS "a"
  ON "a"."customer_id" = "c"."id"

-- mysql
SELECT
  `c`.`country`,
  `a`.`kind`,
  `c`.`__rf_no`,
  `a`.`__rf_no` AS `__rf_no_2`
FROM (
  SELECT
    `id`,
    `country`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `c`
JOIN (
  SELECT
    `customer_id`,
    `kind`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`activity`
  WHERE
    `rf_p`
) AS `a`
  ON `a`.`customer_id` = `c`.`id`

-- spark
SELECT
  `c`.`country`,
  `a`.`kind`,
  `c`.`__rf_no`,
  `a`.`__rf_no` AS `__rf_no_2`
FROM (
  SELECT
    `id`,
    `country`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `c`
JOIN (
  SELECT
    `customer_id`,
    `kind`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`activity`
  WHERE
    `rf_p`
) AS `a`
  ON `a`.`customer_id` = `c`.`id`
