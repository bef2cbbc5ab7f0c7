-- permit: counts
SELECT count(*) FILTER (WHERE kind = 'order') AS orders FROM activity

-- duckdb
SELECT
  CASE
    WHEN COUNT(DISTINCT "activity"."__rf_no") FILTER(WHERE
      "activity"."kind" = 'order') >= 3
    AND (
      COUNT(DISTINCT "activity"."__rf_no") FILTER(WHERE
        NOT COALESCE("activity"."kind" = 'order', FALSE)) = 0
      OR COUNT(DISTINCT "activity"."__rf_no") FILTER(WHERE
        NOT COALESCE("activity"."kind" = 'order', FALSE)) >= 3
    )
    THEN COUNT(*) FILTER(WHERE
      "activity"."kind" = 'order')
  END AS "orders",
  COUNT(DISTINCT "activity"."__rf_no") AS "__rf_n"
FROM (
  SELECT
    "kind",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."activity"
  WHERE
    "rf_p" = TRUE
) AS "activity"

-- postgres
SELECT
  CASE
    WHEN COUNT(DISTINCT "activity"."__rf_no") FILTER(WHERE
      "activity"."kind" = 'order') >= 3
    AND (
      COUNT(DISTINCT "activity"."__rf_no") FILTER(WHERE
        NOT COALESCE("activity"."kind" = 'order', FALSE)) = 0
      OR COUNT(DISTINCT "activity"."__rf_no") FILTER(WHERE
        NOT COALESCE("activity"."kind" = 'order', FALSE)) >= 3
    )
    THEN COUNT(*) FILTER(WHERE
      "activity"."kind" = 'order')
  END AS "orders",
  COUNT(DISTINCT "activity"."__rf_no") AS "__rf_n"
FROM (
  SELECT
    "kind",
    "rf_no" AS "__rf_no"
  FROM "rf_base"."activity"
  WHERE
    "rf_p"
) AS "activity"

-- mysql
-- refused: sql.unlisted-syntax: MySQL knows no FILTER

-- spark
SELECT
  CASE
    WHEN COUNT(DISTINCT `activity`.`__rf_no`) FILTER(WHERE
      `activity`.`kind` = 'order') >= 3
    AND (
      COUNT(DISTINCT `activity`.`__rf_no`) FILTER(WHERE
        NOT COALESCE(`activity`.`kind` = 'order', FALSE)) = 0
      OR COUNT(DISTINCT `activity`.`__rf_no`) FILTER(WHERE
        NOT COALESCE(`activity`.`kind` = 'order', FALSE)) >= 3
    )
    THEN COUNT(*) FILTER(WHERE
      `activity`.`kind` = 'order')
  END AS `orders`,
  COUNT(DISTINCT `activity`.`__rf_no`) AS `__rf_n`
FROM (
  SELECT
    `kind`,
    `rf_no` AS `__rf_no`
  FROM `rf_base`.`activity`
  WHERE
    `rf_p`
) AS `activity`
