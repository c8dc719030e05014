// Demo is the smallest tool that has what an installer must cope with: data, a database, and versions that behave
// differently. The version is the content of /etc/image-version, so one program serves every tag.
package main

import (
	"encoding/json"
	"fmt"
	"html"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const (
	address     = ":8080"
	versionFile = "/etc/image-version"
	slowStart   = 8 * time.Second
)

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 && os.Args[1] == "health" {
		os.Exit(askHealth())
	}
	content, err := os.ReadFile(versionFile)
	if err != nil {
		log.Fatalf("FATAL: %v", err)
	}
	version := strings.TrimSpace(string(content))
	log.Printf("demo %s starts", version)
	if version == "1.3.0" {
		log.Fatal("FATAL: the setting \"session.store\" is unknown to version 1.3.0")
	}
	notes, err := openNotes(schemaOf(version))
	if err != nil {
		log.Fatalf("FATAL: %v", err)
	}
	go stopOnSignal()
	log.Printf("demo %s listens on %s", version, address)
	log.Fatal(http.ListenAndServe(address, routes(version, notes, time.Now())))
}

// routes answers for one version; started is when it came up, which the slow one counts from.
func routes(version string, notes notes, started time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		reason := unwell(version, time.Since(started))
		if reason == "" {
			if err := notes.ping(); err != nil {
				reason = err.Error()
			}
		}
		if reason != "" {
			http.Error(w, reason, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("/notes", func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			list, err := notes.list()
			answer(w, http.StatusOK, list, err)
		case http.MethodPost:
			text := strings.TrimSpace(r.FormValue("text"))
			if text == "" {
				http.Error(w, "a note has a text", http.StatusBadRequest)
				return
			}
			answer(w, http.StatusCreated, note{Text: text, Version: version}, notes.add(note{Text: text, Version: version}))
		default:
			w.Header().Set("Allow", "GET, POST")
			http.Error(w, "GET or POST", http.StatusMethodNotAllowed)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		list, err := notes.list()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		title := os.Getenv("SITE_TITLE")
		if title == "" {
			title = "Demo"
		}
		fmt.Fprintf(w, "<!doctype html><html lang=en><title>%[1]s</title><h1>%[1]s</h1><p>demo %[2]s</p><ul>",
			html.EscapeString(title), html.EscapeString(version))
		for _, n := range list {
			fmt.Fprintf(w, "<li>%s</li>", html.EscapeString(n.Text))
		}
		fmt.Fprint(w, "</ul><form method=post action=/notes><input name=text aria-label=Note><button>Keep</button></form></html>")
	})
	return mux
}

// unwell says why a version does not answer its health check yet or ever; empty when it does.
func unwell(version string, age time.Duration) string {
	switch {
	case version == "1.1.0" && age < slowStart:
		return "still warming up"
	case version == "1.2.0":
		return "version 1.2.0 never gets well"
	}
	return ""
}

// schemaOf is the shape of the data that a version writes: 2 from release 2.0.0 on.
func schemaOf(version string) int {
	if strings.HasPrefix(version, "0.") || strings.HasPrefix(version, "1.") {
		return 1
	}
	return 2
}

func answer(w http.ResponseWriter, status int, body any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the reader went away; there is nobody to tell
}

// askHealth is the image's health program: there is no shell and no curl in it.
func askHealth() int {
	client := http.Client{Timeout: 9 * time.Second}
	response, err := client.Get("http://127.0.0.1" + address + "/healthz")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		fmt.Println(response.Status)
		return 1
	}
	return 0
}

// stopOnSignal ends the process at once: as process 1 it would otherwise ignore the engine's request to stop.
func stopOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	log.Printf("demo stops on %v", <-signals)
	os.Exit(0)
}
