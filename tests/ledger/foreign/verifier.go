// Does Go's own transparency log code accept our log? Reads a case as JSON from stdin.
//
// Uses note.Open, tlog.CheckRecord and tlog.CheckTree of golang.org/x/mod. Not its
// TileHashReader, which accepts forged tiles before version 0.40 (CVE-2026-56865).
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Key         string      `json:"key"`
	Checkpoint  string      `json:"checkpoint"`
	Index       int64       `json:"index"`
	Entry       []byte      `json:"entry"`
	Path        []tlog.Hash `json:"path"`
	Older       string      `json:"older"`
	Consistency []tlog.Hash `json:"consistency"`
}

func main() {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		refuse("question", err)
	}
	size, root := open(asked.Checkpoint, asked.Key)
	if asked.Entry != nil {
		leaf := tlog.RecordHash(asked.Entry)
		if err := tlog.CheckRecord(tlog.RecordProof(asked.Path), size, root, asked.Index, leaf); err != nil {
			refuse("inclusion", err)
		}
	}
	if asked.Older != "" {
		oldSize, oldRoot := open(asked.Older, asked.Key)
		if err := tlog.CheckTree(tlog.TreeProof(asked.Consistency), size, root, oldSize, oldRoot); err != nil {
			refuse("consistency", err)
		}
	}
	fmt.Println("accepted", size)
}

// open verifies a signed checkpoint and returns its size and root.
func open(signed, key string) (int64, tlog.Hash) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		refuse("key", err)
	}
	opened, err := note.Open([]byte(signed), note.VerifierList(verifier))
	if err != nil {
		refuse("signature", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		refuse("checkpoint", fmt.Errorf("not three lines of this log"))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		refuse("checkpoint", err)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		refuse("checkpoint", err)
	}
	return size, root
}

func refuse(what string, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	os.Exit(4)
}
