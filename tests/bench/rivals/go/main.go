// A rival of the benchmark: the same four calls on Go's net/http and the AWS SDK for Go v2. Tuned:
// one process on all cores, as many kept-alive connections to DynamoDB as are needed, structs for
// JSON. Not done: what this service does beyond these calls (idempotency keys, ETags, metrics). An
// append names its user.
//
//	chat-rival SOCKET
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

const prefix = "/api/v1/sessions"

type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func (p *problem) Error() string { return p.Detail }

func fail(status int, detail string) error {
	return &problem{"about:blank", http.StatusText(status), status, detail}
}

func answer(w http.ResponseWriter, status int, body interface{}) {
	contentType := "application/json"
	if status >= 400 {
		contentType = "application/problem+json"
	}
	w.Header().Set("Content-Type", contentType)
	text, err := json.Marshal(body)
	if err != nil {
		log.Printf("cannot write the answer: %v", err)
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	w.Write(text)
}

func answerError(w http.ResponseWriter, err error) {
	var p *problem
	if !errors.As(err, &p) {
		log.Printf("DynamoDB: %v", err)
		p = fail(http.StatusServiceUnavailable, "DynamoDB does not answer").(*problem)
	}
	answer(w, p.Status, p)
}

// The four calls; Go 1.19's own router knows no parameters in paths.
func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var status = http.StatusOK
	var body interface{}
	var err error

	parts := strings.Split(strings.TrimPrefix(r.URL.Path, prefix), "/")
	switch {
	case r.Method == http.MethodPost && len(parts) == 1:
		status = http.StatusCreated
		body, err = s.create(r)
	case r.Method == http.MethodPost && len(parts) == 3 && parts[2] == "messages":
		status = http.StatusCreated
		body, err = s.appendMessage(r, parts[1])
	case r.Method == http.MethodGet && len(parts) == 3 && parts[2] == "messages":
		body, err = s.list(r, parts[1])
	case r.Method == http.MethodGet && len(parts) == 3:
		body, err = s.get(r.Context(), parts[1], parts[2])
	default:
		err = fail(http.StatusNotFound, "There is nothing at this path.")
	}
	if err != nil {
		answerError(w, err)
		return
	}
	answer(w, status, body)
}

func newStore() *store {
	httpClient := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns = 0
		t.MaxIdleConnsPerHost = 1024
	})
	settings, err := config.LoadDefaultConfig(context.Background(), config.WithHTTPClient(httpClient))
	if err != nil {
		log.Fatal(err)
	}
	client := dynamodb.NewFromConfig(settings, func(o *dynamodb.Options) {
		o.EndpointResolver = dynamodb.EndpointResolverFromURL(os.Getenv("AWS_ENDPOINT_URL_DYNAMODB"))
	})
	return &store{client: client}
}

func main() {
	server := &http.Server{Handler: newStore()}
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-stop
		server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}
