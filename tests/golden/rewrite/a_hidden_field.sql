-- permit: rows
SELECT id FROM customer WHERE phone LIKE '+49%'

-- duckdb
-- refused: sql.hidden-column: This purpose does not permit the field customer.phone

-- postgres
-- refused: sql.hidden-column: This purpose does not permit the field customer.phone

-- mysql
-- refused: sql.hidden-column: This purpose does not permit the field customer.phone

-- spark
-- refused: sql.hidden-column: This purpose does not permit the field customer.phone
