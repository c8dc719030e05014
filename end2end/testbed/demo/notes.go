package main

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"
)

type note struct {
	Text    string `json:"text"`
	Version string `json:"version"` // of the program that wrote it; empty for notes older than schema 2
}

// notes is where the tool keeps what people wrote. Opening migrates forward and refuses data that is newer.
type notes interface {
	add(note) error
	list() ([]note, error)
	ping() error
}

// openNotes takes PostgreSQL where DATABASE_HOST names one, else the volume at /data.
func openNotes(schema int) (notes, error) {
	if host := os.Getenv("DATABASE_HOST"); host != "" {
		return openTable(host, schema)
	}
	return openFolder("/data", schema)
}

func refuse(found, reads int) error {
	return fmt.Errorf("the data is of schema %d, this version reads up to %d", found, reads)
}

// folder keeps one note a line: bare text in schema 1, JSON in schema 2; the file `schema` says which.
type folder struct {
	mutex  sync.Mutex
	path   string
	schema int
}

func openFolder(path string, schema int) (*folder, error) {
	f := &folder{path: path, schema: schema}
	mark := filepath.Join(path, "schema")
	content, err := os.ReadFile(mark)
	found := schema
	if err == nil {
		if _, err := fmt.Sscan(string(content), &found); err != nil {
			return nil, fmt.Errorf("%s: %w", mark, err)
		}
	} else if !os.IsNotExist(err) {
		return nil, err
	}
	if found > schema {
		return nil, refuse(found, schema)
	}
	if found < schema {
		f.schema = found
		old, err := f.list()
		if err != nil {
			return nil, err
		}
		f.schema = schema
		if err := f.rewrite(old); err != nil {
			return nil, err
		}
		log.Printf("migrated %d notes from schema %d to %d", len(old), found, schema)
	}
	return f, os.WriteFile(mark, []byte(fmt.Sprintf("%d\n", schema)), 0o644)
}

func (f *folder) file() string { return filepath.Join(f.path, "notes") }

func (f *folder) line(n note) string {
	if f.schema == 1 {
		return strings.ReplaceAll(n.Text, "\n", " ")
	}
	encoded, _ := json.Marshal(n) // two strings always encode
	return string(encoded)
}

func (f *folder) rewrite(list []note) error {
	var content strings.Builder
	for _, n := range list {
		content.WriteString(f.line(n) + "\n")
	}
	return os.WriteFile(f.file(), []byte(content.String()), 0o644)
}

func (f *folder) add(n note) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	file, err := os.OpenFile(f.file(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := file.WriteString(f.line(n) + "\n"); err != nil {
		file.Close()
		return err
	}
	// A test kills the engine's containers right after: what was answered must be on disk.
	if err := file.Sync(); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

func (f *folder) list() ([]note, error) {
	list := []note{}
	file, err := os.Open(f.file())
	if os.IsNotExist(err) {
		return list, nil
	} else if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		n := note{Text: lines.Text()}
		if f.schema > 1 {
			n = note{}
			if err := json.Unmarshal(lines.Bytes(), &n); err != nil {
				return nil, err
			}
		}
		list = append(list, n)
	}
	return list, lines.Err()
}

func (f *folder) ping() error {
	_, err := os.Stat(f.path)
	return err
}

// table keeps the notes in PostgreSQL; the column `version` came with schema 2.
type table struct {
	db     *sql.DB
	schema int
}

func openTable(host string, schema int) (*table, error) {
	config := fmt.Sprintf("host=%s user=%s password=%s dbname=%s sslmode=disable connect_timeout=5",
		quoted(host), quoted(os.Getenv("DATABASE_USER")), quoted(os.Getenv("DATABASE_PASSWORD")), quoted(os.Getenv("DATABASE_NAME")))
	connector, err := pq.NewConnector(config)
	if err != nil {
		return nil, err
	}
	t := &table{db: sql.OpenDB(connector), schema: schema}
	// The database may still come up: one minute is what a person would wait.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(500 * time.Millisecond) {
		if err = t.db.Ping(); err == nil {
			break
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the database %s does not answer: %w", host, err)
		}
	}
	return t, t.migrate()
}

// quoted writes a value for a libpq connection string, where a quote or a space would end it.
func quoted(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}

func (t *table) migrate() error {
	if _, err := t.db.Exec(`create table if not exists schema_version (number int not null)`); err != nil {
		return err
	}
	found := 0
	if err := t.db.QueryRow(`select number from schema_version`).Scan(&found); err != nil && err != sql.ErrNoRows {
		return err
	}
	if found > t.schema {
		return refuse(found, t.schema)
	}
	if found == t.schema {
		return nil
	}
	steps := []string{`create table notes (note_id serial primary key, text text not null)`, `alter table notes add column version text not null default ''`}
	change, err := t.db.Begin()
	if err != nil {
		return err
	}
	defer change.Rollback()
	for _, step := range steps[found:t.schema] {
		if _, err := change.Exec(step); err != nil {
			return err
		}
	}
	if _, err := change.Exec(`delete from schema_version`); err != nil {
		return err
	}
	if _, err := change.Exec(`insert into schema_version values ($1)`, t.schema); err != nil {
		return err
	}
	log.Printf("migrated the database from schema %d to %d", found, t.schema)
	return change.Commit()
}

func (t *table) add(n note) error {
	if t.schema == 1 {
		_, err := t.db.Exec(`insert into notes (text) values ($1)`, n.Text)
		return err
	}
	_, err := t.db.Exec(`insert into notes (text, version) values ($1, $2)`, n.Text, n.Version)
	return err
}

func (t *table) list() ([]note, error) {
	column := "''"
	if t.schema > 1 {
		column = "version"
	}
	rows, err := t.db.Query(`select text, ` + column + ` from notes order by note_id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []note{}
	for rows.Next() {
		var n note
		if err := rows.Scan(&n.Text, &n.Version); err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, rows.Err()
}

func (t *table) ping() error { return t.db.Ping() }
