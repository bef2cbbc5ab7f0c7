-- permit: rows
WITH big AS (SELECT id FROM customer WHERE ltv > 100) SELECT id FROM big UNION ALL SELECT customer_id FROM activity

-- duckdb
WITH "big" AS (
  SELECT
    "customer"."id",
    "customer"."__rf_no"
  FROM (
    SELECT
      "id",
      "ltv",
      "rf_no" AS "__rf_no"
    FROM "rf_base"."customer"
    WHERE
      "rf_p" = TRUE
  ) AS "customer"
  WHERE
    "customer"."ltv" > 100
)
SELECT
  "big"."id",
  "big"."__rf_no"
FROM "big"
UNION ALL
SELECT
  "activity"."customer_id",
  "activity"."__rf_no"
FROM (
  SELECT
    "customer_id",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."activity"
  WHERE
    "rf_p" = TRUE
) AS "activity"

-- postgres
WITH "big" AS (
  SELECT
    "customer"."id",
    "customer"."__rf_no"
  FROM (
    SELECT
      "id",
      "ltv",
      "rf_no" AS "__rf_no"
    FROM "rf_base"."customer"
    WHERE
      "rf_p"
  ) AS "customer"
  WHERE
    "customer"."ltv" > 100
)
SELECT
  "big"."id",
  "big"."__rf_no"
FROM "big"
UNION ALL
SELECT
  "activity"."customer_id",
  "activity"."__rf_no"
FROM (
  SELECT
    "customer_id",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."activity"
  WHERE
    "rf_p"
) AS "activity"

-- mysql
WITH `big` AS (
  SELECT
    `customer`.`id`,
    `customer`.`__rf_no`
  FROM (
    SELECT
      `id`,
      `ltv`,
      `rf_no` AS `__rf_no`
    FROM `rf_base`.`customer`
    WHERE
      `rf_p`
  ) AS `customer`
  WHERE
    `customer`.`ltv` > 100
)
SELECT
  `big`.`id`,
  `big`.`__rf_no`
FROM `big`
UNION ALL
SELECT
  `activity`.`customer_id`,
  `activity`.`__rf_no`
FROM (
  SELECT
    `customer_id`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`activity`
  WHERE
    `rf_p`
) AS `activity`

-- spark
WITH `big` AS (
  SELECT
    `customer`.`id`,
    `customer`.`__rf_no`
  FROM (
    SELECT
      `id`,
      `ltv`,
      `rf_no` AS `__rf_no`
    FROM `rf_base`.`customer`
    WHERE
      `rf_p`
  ) AS `customer`
  WHERE
    `customer`.`ltv` > 100
)
SELECT
  `big`.`id`,
  `big`.`__rf_no`
FROM `big`
UNION ALL
SELECT
  `activity`.`customer_id`,
  `activity`.`__rf_no`
FROM (
  SELECT
    `customer_id`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`activity`
  WHERE
    `rf_p`
) AS `activity`
