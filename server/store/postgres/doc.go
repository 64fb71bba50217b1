// Package postgres keeps consent in PostgreSQL, for any number of nodes.
package postgres

import (
	_ "github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/pressly/goose/v3/lock"
)
