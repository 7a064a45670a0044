// Command go_franz is the compiled peer of the gateway benchmark: net/http and franz-go, nothing else.
//
// It verifies Square's signature (HMAC-SHA256 over notification URL and body, base64) in constant time and answers 200
// when Kafka has acknowledged the record (acks=all, idempotent). Settings: see bench/gateway/peer.py.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const maxBody = 1 << 20

var accepted = []byte(`{"status":"accepted"}`)

type gateway struct {
	client *kgo.Client
	key    []byte
	url    string
}

func main() {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(setting("KAFKA_BOOTSTRAP_SERVERS"), ",")...),
		kgo.DefaultProduceTopic(setting("PEER_TOPIC")),
		kgo.RequiredAcks(kgo.AllISRAcks()), // with the idempotent producer, franz-go's default
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerLinger(0), // a caller waits for each record: a pause for the sake of batching would be its latency
	)
	if err != nil {
		log.Fatal(err)
	}
	g := &gateway{client: client, key: []byte(setting("PEER_SIGNATURE_KEY")), url: setting("PEER_NOTIFICATION_URL")}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+setting("PEER_PATH"), g.receive)
	mux.HandleFunc("GET /readyz", g.ready)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second}
	listener, err := net.Listen("tcp", "127.0.0.1:"+setting("PEER_PORT"))
	if err != nil {
		log.Fatal(err)
	}
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-stopped
		deadline, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(deadline); err != nil {
			log.Print(err)
		}
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	client.Close()
}

func (g *gateway) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	if !g.genuine(r.Header.Get("X-Square-Hmacsha256-Signature"), body) {
		http.Error(w, "bad signature", http.StatusUnauthorized)
		return
	}
	if err := g.client.ProduceSync(r.Context(), &kgo.Record{Value: body}).FirstErr(); err != nil {
		http.Error(w, "not stored", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(accepted) // the client has gone: there is nobody to tell
}

func (g *gateway) genuine(signature string, body []byte) bool {
	mac := hmac.New(sha256.New, g.key)
	io.WriteString(mac, g.url)
	mac.Write(body)
	expected := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return hmac.Equal([]byte(expected), []byte(signature))
}

func (g *gateway) ready(w http.ResponseWriter, r *http.Request) {
	if err := g.client.Ping(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

func setting(name string) string {
	value := os.Getenv(name)
	if value == "" {
		log.Fatalf("%s is not set; the benchmark harness sets it", name)
	}
	return value
}
