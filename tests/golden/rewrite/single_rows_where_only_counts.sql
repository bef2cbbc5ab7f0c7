-- permit: counts
SELECT id FROM customer

-- duckdb
-- refused: sql.aggregates-only: This purpose permits aggregates only, and the statement returns single rows

-- postgres
-- refused: sql.aggregates-only: This purpose permits aggregates only, and the statement returns single rows

-- mysql
-- refused: sql.aggregates-only: This purpose permits aggregates only, and the statement returns single rows

-- spark
-- refused: sql.aggregates-only: This purpose permits aggregates only, and the statement returns single rows
