// Command access starts an access request of aircall-dsr, tells its status while it waits, and prints its result.
//
//	echo person@example.com | go run . CONNECTION REQUEST_ID
//
// The address comes by stdin: arguments can be seen by everybody on a machine. It is never printed.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
)

const (
	statusEvery   = 2 * time.Second
	statusTimeout = 10 * time.Second
)

type subject struct {
	Email string `json:"email"`
}

type accessInput struct {
	Kind       string  `json:"kind"`
	RequestID  string  `json:"requestId"`
	Connection string  `json:"connection"`
	Subject    subject `json:"subject"`
}

type accessStatus struct {
	Status     string `json:"status"`
	Phase      string `json:"phase"`
	WaitingFor struct {
		Cause string `json:"cause"`
	} `json:"waitingFor"`
}

type accessResult struct {
	RequestID   string         `json:"requestId"`
	Connection  string         `json:"connection"`
	Kind        string         `json:"kind"`
	Status      string         `json:"status"`
	Counts      map[string]int `json:"counts"`
	APIRequests int            `json:"apiRequests"`
	Package     *struct {
		URI       string `json:"uri"`
		SHA256    string `json:"sha256"`
		SizeBytes int    `json:"sizeBytes"`
	} `json:"package,omitempty"`
}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, explain(err))
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: echo person@example.com | go run . CONNECTION REQUEST_ID")
	}
	connection, requestID := args[0], args[1]
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	input := accessInput{"access", requestID, connection, subject{strings.TrimSpace(string(text))}}

	service, data, err := connect(ctx)
	if err != nil {
		return err
	}
	defer service.Close()

	// The id makes the request unique; the policies make a second start answer the first run, also after its end.
	request, err := service.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       fmt.Sprintf("dsr:%s:access:%s", connection, requestID),
		TaskQueue:                taskQueue(),
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
	}, "accessRequest", input)
	if err != nil {
		return err
	}
	if err := refuseOtherRun(ctx, service, data, request, input); err != nil {
		return err
	}

	result, err := wait(ctx, service, request)
	if err != nil {
		return err
	}
	// Anybody who reaches the server can copy a result.
	if result.Kind != input.Kind || result.Connection != connection || result.RequestID != requestID {
		return errors.New("payload-unusable: the result is not one of this request. Find out who writes to the namespace.")
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		return err
	}
	if result.Status != "completed" && result.Status != "no-match" {
		return fmt.Errorf("the request ended as %s. Run `aircall-dsr status %s`.", result.Status, request.GetID())
	}
	return nil
}

// connect reads TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and Temporal's other variables. The SDK's own failure converter does
// not know the codec: a failure would only say "Encoded failure".
func connect(ctx context.Context) (client.Client, converter.DataConverter, error) {
	codec, err := loadCodec(os.Getenv("AIRCALL_DSR_KEYS"))
	if err != nil {
		return nil, nil, err
	}
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return nil, nil, err
	}
	data := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), codec)
	options.Logger = log.NewStructuredLogger(slog.Default())
	options.DataConverter = data
	options.FailureConverter = temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: data})
	service, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, nil, fmt.Errorf("temporal-unreachable: no Temporal server answers. Set TEMPORAL_ADDRESS. (%w)", err)
	}
	return service, data, nil
}

// refuseOtherRun looks whose run it is: a second start answers the first run, and anybody can start one under any id.
func refuseOtherRun(ctx context.Context, service client.Client, data converter.DataConverter, request client.WorkflowRun, asked accessInput) error {
	events := service.GetWorkflowHistory(ctx, request.GetID(), request.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	event, err := events.Next()
	if err != nil {
		return err
	}
	started := event.GetWorkflowExecutionStartedEventAttributes()
	var before map[string]any
	if err := data.FromPayloads(started.GetInput(), &before); err != nil {
		return err
	}
	if !isSame(before, asked) || started.GetWorkflowType().GetName() != "accessRequest" || started.GetTaskQueue().GetName() != taskQueue() {
		return errors.New("request-conflict: the request id was used with other identities or options, or by another run. Choose a new one.")
	}
	return nil
}

// isSame compares all members: an option that only one of two inputs has makes them different.
func isSame(before map[string]any, asked accessInput) bool {
	people := identities(before["subject"])
	delete(before, "subject")
	named := map[string]any{"kind": asked.Kind, "requestId": asked.RequestID, "connection": asked.Connection}
	return maps.Equal(before, named) && slices.Equal(people, []string{fold(asked.Subject.Email)})
}

// identities of an input, each once: it may give one address, or lists. A starter in another language sends lists.
func identities(subject any) []string {
	fields, _ := subject.(map[string]any)
	given := []any{fields["email"]}
	for _, name := range []string{"emails", "phoneNumbers"} {
		list, _ := fields[name].([]any)
		given = append(given, list...)
	}
	found := map[string]bool{}
	for _, each := range given {
		if text, ok := each.(string); ok {
			found[fold(text)] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func taskQueue() string {
	return cmp.Or(os.Getenv("AIRCALL_DSR_TASK_QUEUE"), "aircall-dsr")
}

func fold(identity string) string {
	return strings.ToLower(strings.TrimSpace(identity))
}

// wait tells each change of the status on stderr until the request has ended.
func wait(ctx context.Context, service client.Client, request client.WorkflowRun) (*accessResult, error) {
	var result accessResult
	ended := make(chan error, 1)
	go func() { ended <- request.Get(ctx, &result) }()
	for told := ""; ; {
		if said := askStatus(ctx, service, request); said != told {
			fmt.Fprintf(os.Stderr, "%s: %s\n", request.GetID(), said)
			told = said
		}
		select {
		case err := <-ended:
			return &result, err
		case <-time.After(statusEvery):
		}
	}
}

// askStatus asks a worker, so it cannot answer where none runs; the request goes on when one does.
func askStatus(ctx context.Context, service client.Client, request client.WorkflowRun) string {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	answer, err := service.QueryWorkflow(ctx, request.GetID(), request.GetRunID(), "status")
	if err != nil {
		return fmt.Sprintf("no worker told its status (%v)", err)
	}
	var status accessStatus
	if err := answer.Get(&status); err != nil {
		return fmt.Sprintf("its status cannot be read (%v)", err)
	}
	if status.WaitingFor.Cause != "" {
		return fmt.Sprintf("%s for %s", status.Status, status.WaitingFor.Cause)
	}
	return fmt.Sprintf("%s, phase %s", status.Status, status.Phase)
}

// explain shows the run's own failure, decoded: its code is the failure's type.
func explain(err error) string {
	var failure *temporal.ApplicationError
	if errors.As(err, &failure) {
		return fmt.Sprintf("%s: %s", failure.Type(), failure.Message())
	}
	return err.Error()
}
