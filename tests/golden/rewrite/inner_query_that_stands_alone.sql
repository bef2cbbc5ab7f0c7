-- permit: rows
SELECT id FROM customer WHERE id IN (SELECT customer_id FROM activity WHERE kind = 'order')

-- duckdb
SELECT
  "customer"."id",
  "customer"."__rf_no"
FROM (
  SELECT
    "id",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p" = TRUE
) AS "customer"
WHERE
  "customer"."id" IN (
    SELECT
      "activity"."customer_id"
    FROM (
      SELECT
        "customer_id",
        "kind"
      FROM "rf_base"."activity"
      WHERE
        "rf_p" = TRUE
    ) AS "activity"
    WHERE
      "activity"."kind" = 'order'
  )

-- postgres
SELECT
  "customer"."id",
  "customer"."__rf_no"
FROM (
  SELECT
    "id",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p"
) AS "customer"
WHERE
  "customer"."id" IN (
    SELECT
      "activity"."customer_id"
    FROM (
      SELECT
        "customer_id",
        "kind"
      FROM "rf_base"."activity"
      WHERE
        "rf_p"
    ) AS "activity"
    WHERE
      "activity"."kind" = 'order'
  )

-- mysql
SELECT
  `customer`.`id`,
  `customer`.`__rf_no`
FROM (
  SELECT
    `id`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `customer`
WHERE
  `customer`.`id` IN (
    SELECT
      `activity`.`customer_id`
    FROM (
      SELECT
        `customer_id`,
        `kind`
      FROM `rf_base`.`activity`
      WHERE
        `rf_p`
    ) AS `activity`
    WHERE
      `activity`.`kind` = 'order'
  )

-- spark
SELECT
  `customer`.`id`,
  `customer`.`__rf_no`
FROM (
  SELECT
    `id`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `customer`
WHERE
  `customer`.`id` IN (
    SELECT
      `activity`.`customer_id`
    FROM (
      SELECT
        `customer_id`,
        `kind`
      FROM `rf_base`.`activity`
      WHERE
        `rf_p`
    ) AS `activity`
    WHERE
      `activity`.`kind` = 'order'
  )
