// Command loadgen replays prepared HTTP requests over keep-alive connections and records how each was answered.
//
// The requests are complete and signed before the first is sent, so that the generator costs little beside the server
// under test. Closed loop (rate 0): each connection sends its next request when the last was answered. Open loop: request
// i is due at i/rate seconds, and its latency counts from when it was due, so that a stalled server is not forgiven the
// requests that could not be sent meanwhile ("coordinated omission").
//
// Files: see bench/gateway/deliveries.py (requests) and bench/gateway/load.py (records).
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const recordBytes = 8 // latency in µs (uint32), status (uint16, 0: no answer), 2 unused; little-endian

type plan struct {
	address  string
	requests [][]byte
	records  []byte
	interval time.Duration // between two requests; 0: closed loop
	start    time.Time
	next     atomic.Int64
}

func main() {
	address := flag.String("address", "", "host:port of the server")
	input := flag.String("requests", "", "file of prepared requests")
	output := flag.String("records", "", "file to write one record per request to")
	first := flag.Int("first", 0, "index of the first request to send")
	count := flag.Int("count", 0, "how many requests to send")
	connections := flag.Int("connections", 64, "connections")
	rate := flag.Float64("rate", 0, "requests per second; 0: closed loop")
	flag.Parse()
	if err := run(*address, *input, *output, *first, *count, *connections, *rate); err != nil {
		fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(1)
	}
}

func run(address, input, output string, first, count, connections int, rate float64) error {
	requests, err := readRequests(input, first, count)
	if err != nil {
		return err
	}
	p := &plan{address: address, requests: requests, records: make([]byte, recordBytes*len(requests))}
	if rate > 0 {
		p.interval = time.Duration(float64(time.Second) / rate)
	}
	before := cpuSeconds()
	p.start = time.Now()
	var workers sync.WaitGroup
	for range connections {
		workers.Add(1)
		go func() {
			defer workers.Done()
			p.work()
		}()
	}
	workers.Wait()
	elapsed := time.Since(p.start).Seconds()
	used := cpuSeconds() - before
	if err := os.WriteFile(output, p.records, 0o644); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"generator": "go", "elapsed_s": elapsed, "cpu_s": used,
	})
}

// readRequests reads `count` length-prefixed (uint32, little-endian) requests from the one with index `first`.
func readRequests(path string, first, count int) ([][]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	requests := make([][]byte, 0, count)
	for index := 0; len(content) >= 4 && len(requests) < count; index++ {
		length := int(binary.LittleEndian.Uint32(content))
		if len(content) < 4+length {
			return nil, errors.New(path + " is cut short")
		}
		if index >= first {
			requests = append(requests, content[4:4+length])
		}
		content = content[4+length:]
	}
	if len(requests) < count {
		return nil, fmt.Errorf("%s holds no %d requests from index %d", path, count, first)
	}
	return requests, nil
}

func (p *plan) work() {
	var connection net.Conn
	var reader *bufio.Reader
	defer func() {
		if connection != nil {
			connection.Close()
		}
	}()
	for {
		index := int(p.next.Add(1)) - 1
		if index >= len(p.requests) {
			return
		}
		begun := time.Now()
		if p.interval > 0 {
			due := p.start.Add(time.Duration(index) * p.interval)
			time.Sleep(time.Until(due))
			begun = due
		}
		var err error
		if connection == nil {
			if connection, err = net.Dial("tcp", p.address); err != nil {
				p.record(index, time.Since(begun), 0)
				time.Sleep(10 * time.Millisecond) // a server that refuses is not asked in a tight loop
				continue
			}
			reader = bufio.NewReaderSize(connection, 4096)
		}
		status, reusable, err := exchange(connection, reader, p.requests[index])
		p.record(index, time.Since(begun), status)
		if err != nil || !reusable {
			connection.Close()
			connection = nil
		}
	}
}

func (p *plan) record(index int, latency time.Duration, status int) {
	record := p.records[index*recordBytes:]
	binary.LittleEndian.PutUint32(record, uint32(min(latency.Microseconds(), 1<<32-1)))
	binary.LittleEndian.PutUint16(record[4:], uint16(status))
}

var (
	contentLength = []byte("content-length:")
	closing       = []byte("connection: close")
)

// exchange sends one request and reads one answer with a Content-Length; status 0 when none came.
func exchange(connection net.Conn, reader *bufio.Reader, request []byte) (status int, reusable bool, err error) {
	if err = connection.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		return 0, false, err
	}
	if _, err = connection.Write(request); err != nil {
		return 0, false, err
	}
	line, err := reader.ReadSlice('\n')
	if err != nil {
		return 0, false, err
	}
	if len(line) < 12 {
		return 0, false, errors.New("not a status line")
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, false, err
	}
	length := -1
	reusable = true
	for {
		if line, err = reader.ReadSlice('\n'); err != nil {
			return 0, false, err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		lower := bytes.ToLower(line)
		if value, found := bytes.CutPrefix(lower, contentLength); found {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, false, err
			}
		} else if bytes.Equal(lower, closing) {
			reusable = false
		}
	}
	if length < 0 {
		return 0, false, errors.New("an answer without Content-Length")
	}
	if _, err = io.CopyN(io.Discard, reader, int64(length)); err != nil {
		return 0, false, err
	}
	return status, reusable, nil
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}
