-- permit: rows
SELECT * FROM customer

-- duckdb
SELECT
  "customer"."id",
  "customer"."name",
  "customer"."country",
  "customer"."segment",
  "customer"."ltv",
  "customer"."birth_date",
  "customer"."email",
  "customer"."__rf_no"
FROM (
  SELECT
    "id",
    "name",
    "country",
    "segment",
    "ltv",
    TRY(MAKE_DATE(CAST(EXTRACT(YEAR FROM "birth_date") AS INT), 1, 1)) AS "birth_date",
    CASE
      WHEN STRPOS(TRIM("email", CHR(9) || CHR(10) || CHR(11) || CHR(12) || CHR(13) || CHR(32)), '@') > 1
      THEN SUBSTRING(TRIM("email", CHR(9) || CHR(10) || CHR(11) || CHR(12) || CHR(13) || CHR(32)), 1, 1) || '***@***'
      WHEN NOT "email" IS NULL
      THEN '***'
    END AS "email",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p" = TRUE
) AS "customer"

-- postgres
SELECT
  "customer"."id",
  "customer"."name",
  "customer"."country",
  "customer"."segment",
  "customer"."ltv",
  "customer"."birth_date",
  "customer"."email",
  "customer"."__rf_no"
FROM (
  SELECT
    "id",
    "name",
    "country",
    "segment",
    "ltv",
    CASE
      WHEN "birth_date" BETWEEN CAST('0001-01-01' AS DATE) AND CAST('9999-12-31' AS DATE)
      THEN MAKE_DATE(CAST(EXTRACT(YEAR FROM "birth_date") AS INT), 1, 1)
    END AS "birth_date",
    CASE
      WHEN POSITION(
        '@' IN TRIM(CHR(  9) || CHR(  10) || CHR(  11) || CHR(  12) || CHR(  13) || CHR(  32) FROM "email")
      ) > 1
      THEN SUBSTRING(TRIM(CHR(  9) || CHR(  10) || CHR(  11) || CHR(  12) || CHR(  13) || CHR(  32) FROM "email") FROM 1 FOR 1) || '***@***'
      WHEN NOT "email" IS NULL
      THEN '***'
    END AS "email",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."customer"
  WHERE
    "rf_p"
) AS "customer"

-- mysql
SELECT
  `customer`.`id`,
  `customer`.`name`,
  `customer`.`country`,
  `customer`.`segment`,
  `customer`.`ltv`,
  `customer`.`birth_date`,
  `customer`.`email`,
  `customer`.`__rf_no`
FROM (
  SELECT
    `id`,
    `name`,
    `country`,
    `segment`,
    `ltv`,
    CAST(CONCAT(LEFT(CAST(`birth_date` AS CHAR), 4), '-01-01') AS DATE) AS `birth_date`,
    CASE
      WHEN LOCATE(
        '@',
        REGEXP_REPLACE(
          `email`,
          CONCAT(
            '^[',
            CHAR(  9,
              10,
              11,
              12,
              13,
              32 USING utf8mb4),
            ']+|[',
            CHAR(  9,
              10,
              11,
              12,
              13,
              32 USING utf8mb4),
            ']+$'
          ),
          ''
        )
      ) > 1
      THEN CONCAT(
        SUBSTRING(
          REGEXP_REPLACE(
            `email`,
            CONCAT(
              '^[',
              CHAR(  9,
                10,
                11,
                12,
                13,
                32 USING utf8mb4),
              ']+|[',
              CHAR(  9,
                10,
                11,
                12,
                13,
                32 USING utf8mb4),
              ']+$'
            ),
            ''
          ),
          1,
          1
        ),
        '***@***'
      )
      WHEN NOT `email` IS NULL
      THEN '***'
    END AS `email`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `customer`

-- spark
SELECT
  `customer`.`id`,
  `customer`.`name`,
  `customer`.`country`,
  `customer`.`segment`,
  `customer`.`ltv`,
  `customer`.`birth_date`,
  `customer`.`email`,
  `customer`.`__rf_no`
FROM (
  SELECT
    `id`,
    `name`,
    `country`,
    `segment`,
    `ltv`,
    TRUNC(`birth_date`, 'YEAR') AS `birth_date`,
    CASE
      WHEN LOCATE(
        '@',
        TRIM(BOTH CHR(  9) || CHR(  10) || CHR(  11) || CHR(  12) || CHR(  13) || CHR(  32) FROM `email`)
      ) > 1
      THEN SUBSTRING(
        TRIM(BOTH CHR(  9) || CHR(  10) || CHR(  11) || CHR(  12) || CHR(  13) || CHR(  32) FROM `email`),
        1,
        1
      ) || '***@***'
      WHEN NOT `email` IS NULL
      THEN '***'
    END AS `email`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`customer`
  WHERE
    `rf_p`
) AS `customer`
