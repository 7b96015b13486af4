// What the calls do with the two tables, and their answers.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const (
	sessionsTable = "ai4ai-chat-sessions"
	messagesTable = "ai4ai-chat-messages"
	lastPossible  = "9007199254740991"
	appendTries   = 5
)

type item = map[string]types.AttributeValue

type store struct {
	client *dynamodb.Client
}

type session struct {
	SessionID    string          `json:"session_id"`
	UserID       string          `json:"user_id"`
	Title        string          `json:"title"`
	CreatedAt    string          `json:"created_at"`
	UpdatedAt    string          `json:"updated_at"`
	MessageCount int64           `json:"message_count"`
	Archived     bool            `json:"archived"`
	Pinned       bool            `json:"pinned"`
	Tags         []string        `json:"tags"`
	LastMessage  *lastMessage    `json:"last_message"`
	Metadata     json.RawMessage `json:"metadata,omitempty"`
}

type lastMessage struct {
	Role      string `json:"role"`
	Preview   string `json:"preview"`
	Timestamp int64  `json:"timestamp"`
}

type message struct {
	MessageID string          `json:"message_id"`
	SessionID string          `json:"session_id"`
	Timestamp int64           `json:"timestamp"`
	Role      string          `json:"role"`
	Content   string          `json:"content"`
	CreatedAt string          `json:"created_at"`
	Metadata  json.RawMessage `json:"metadata"`
}

type sessionAnswer struct {
	Status    string  `json:"status"`
	Session   session `json:"session"`
	Timestamp string  `json:"timestamp"`
}

type messageAnswer struct {
	Status    string  `json:"status"`
	Message   message `json:"message"`
	Timestamp string  `json:"timestamp"`
}

type messagesAnswer struct {
	Status     string    `json:"status"`
	SessionID  string    `json:"session_id"`
	Messages   []message `json:"messages"`
	Count      int       `json:"count"`
	HasMore    bool      `json:"has_more"`
	NextCursor *string   `json:"next_cursor"`
	Timestamp  string    `json:"timestamp"`
}

// ---- attributes ----

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

func number(value int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(value, 10)}
}

func textOf(i item, name string) string {
	if value, ok := i[name].(*types.AttributeValueMemberS); ok {
		return value.Value
	}
	return ""
}

func numberOf(i item, name string) int64 {
	if value, ok := i[name].(*types.AttributeValueMemberN); ok {
		parsed, _ := strconv.ParseInt(value.Value, 10, 64)
		return parsed
	}
	return 0
}

func metadataOf(i item) json.RawMessage {
	if value := textOf(i, "metadata"); value != "" {
		return json.RawMessage(value)
	}
	return nil
}

func rfc3339(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func newID(now time.Time) string {
	var b [16]byte
	rand.Read(b[6:])
	ms := now.UnixMilli()
	for i := 5; i >= 0; i-- {
		b[i] = byte(ms)
		ms >>= 8
	}
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// ---- the calls ----

func (s *store) get(ctx context.Context, userID, sessionID string) (interface{}, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      aws.String(sessionsTable),
		Key:            item{"user_id": text(userID), "session_id": text(sessionID)},
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, err
	}
	if out.Item == nil || out.Item["deleted_at"] != nil {
		return nil, fail(http.StatusNotFound, "There is no such session.")
	}
	return sessionAnswer{"success", session{
		SessionID:    textOf(out.Item, "session_id"),
		UserID:       textOf(out.Item, "user_id"),
		Title:        textOf(out.Item, "title"),
		CreatedAt:    textOf(out.Item, "created_at"),
		UpdatedAt:    textOf(out.Item, "updated_at"),
		MessageCount: numberOf(out.Item, "message_count"),
		Archived:     out.Item["archived"] != nil,
		Pinned:       out.Item["pinned"] != nil,
		Tags:         textsOf(out.Item, "tags"),
		LastMessage:  lastMessageOf(out.Item),
		Metadata:     metadataOf(out.Item),
	}, rfc3339(time.Now())}, nil
}

func textsOf(i item, name string) []string {
	texts := []string{}
	if list, ok := i[name].(*types.AttributeValueMemberL); ok {
		for _, value := range list.Value {
			if text, ok := value.(*types.AttributeValueMemberS); ok {
				texts = append(texts, text.Value)
			}
		}
	}
	return texts
}

func lastMessageOf(i item) *lastMessage {
	if i["last_role"] == nil {
		return nil
	}
	return &lastMessage{textOf(i, "last_role"), textOf(i, "last_preview"), numberOf(i, "last_shown")}
}

func messageOf(i item) message {
	return message{
		MessageID: textOf(i, "message_id"),
		SessionID: textOf(i, "session_id"),
		Timestamp: numberOf(i, "timestamp"),
		Role:      textOf(i, "role"),
		Content:   textOf(i, "content"),
		CreatedAt: textOf(i, "created_at"),
		Metadata:  metadataOf(i),
	}
}

// The owner item is at timestamp 0, so the same query brings it.
func (s *store) list(r *http.Request, sessionID string) (interface{}, error) {
	limit := 100
	if given := r.URL.Query().Get("limit"); given != "" {
		var err error
		if limit, err = strconv.Atoi(given); err != nil || limit < 1 || limit > 1000 {
			return nil, fail(http.StatusUnprocessableEntity, "limit must be an integer from 1 to 1000")
		}
	}
	out, err := s.client.Query(r.Context(), &dynamodb.QueryInput{
		TableName:                aws.String(messagesTable),
		KeyConditionExpression:   aws.String("session_id = :s AND #t BETWEEN :low AND :high"),
		ExpressionAttributeNames: map[string]string{"#t": "timestamp"},
		ExpressionAttributeValues: item{":s": text(sessionID), ":low": number(0),
			":high": &types.AttributeValueMemberN{Value: lastPossible}},
		ConsistentRead:   aws.Bool(true),
		ScanIndexForward: aws.Bool(true),
		Limit:            aws.Int32(int32(limit + 2)),
	})
	if err != nil {
		return nil, err
	}
	messages := make([]message, 0, limit+1)
	owned := false
	for _, i := range out.Items {
		if numberOf(i, "timestamp") == 0 {
			owned = textOf(i, "user_id") != "" && i["deleted_at"] == nil
		} else {
			messages = append(messages, messageOf(i))
		}
	}
	if !owned {
		return nil, fail(http.StatusNotFound, "There is no such session.")
	}
	result := messagesAnswer{Status: "success", SessionID: sessionID, Timestamp: rfc3339(time.Now())}
	if len(messages) > limit {
		messages = messages[:limit]
		cursor := strconv.FormatInt(messages[limit-1].Timestamp, 10)
		result.HasMore, result.NextCursor = true, &cursor
	}
	result.Messages, result.Count = messages, len(messages)
	return result, nil
}

// user_id names the owner; that the session is the owner's is a condition of the write.
type appendBody struct {
	UserID    string          `json:"user_id"`
	Role      string          `json:"role"`
	Content   string          `json:"content"`
	MessageID string          `json:"message_id"`
	Metadata  json.RawMessage `json:"metadata"`
}

var roles = map[string]bool{"user": true, "assistant": true, "system": true, "tool": true}

func (s *store) appendMessage(r *http.Request, sessionID string) (interface{}, error) {
	var body appendBody
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, fail(http.StatusBadRequest, "The body is not JSON.")
	}
	if !roles[body.Role] || body.Content == "" || body.UserID == "" {
		return nil, fail(http.StatusUnprocessableEntity, "user_id, role and content are needed")
	}
	earliest := int64(0)
	id := body.MessageID
	if id == "" {
		id = newID(time.Now())
	}
	for try := 0; try < appendTries; try++ {
		now := time.Now()
		if now.UnixMilli() < earliest {
			now = time.UnixMilli(earliest)
		}
		m := message{id, sessionID, now.UnixMilli(), body.Role, body.Content, rfc3339(now), body.Metadata}
		last, err := s.write(r.Context(), body.UserID, m)
		if err != nil {
			return nil, err
		}
		if last == 0 {
			return messageAnswer{"success", m, rfc3339(time.Now())}, nil
		}
		earliest = last + 1
	}
	return nil, fail(http.StatusServiceUnavailable, "Too many others are writing to this session.")
}

// 0 when it is written; else the session's last timestamp, which is later than the message's.
func (s *store) write(ctx context.Context, userID string, m message) (int64, error) {
	put := item{
		"session_id": text(m.SessionID), "timestamp": number(m.Timestamp), "message_id": text(m.MessageID),
		"role": text(m.Role), "content": text(m.Content), "created_at": text(m.CreatedAt),
	}
	if m.Metadata != nil {
		put["metadata"] = text(string(m.Metadata))
	}
	_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{
				TableName:           aws.String(messagesTable),
				Item:                put,
				ConditionExpression: aws.String("attribute_not_exists(session_id)"),
			}},
			{Update: &types.Update{
				TableName: aws.String(sessionsTable),
				Key:       item{"user_id": text(userID), "session_id": text(m.SessionID)},
				UpdateExpression: aws.String("SET updated_at = :now, last_timestamp = :last " +
					"ADD message_count :count, version :one"),
				ConditionExpression: aws.String("attribute_exists(session_id) AND " +
					"attribute_not_exists(deleted_at) AND last_timestamp < :first"),
				ExpressionAttributeValues: item{":now": text(m.CreatedAt), ":last": number(m.Timestamp),
					":count": number(1), ":one": number(1), ":first": number(m.Timestamp)},
				ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			}},
		},
	})
	if err == nil {
		return 0, nil
	}
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) || len(canceled.CancellationReasons) != 2 {
		return 0, err
	}
	if old := canceled.CancellationReasons[1].Item; old["deleted_at"] == nil && numberOf(old, "last_timestamp") > 0 {
		return numberOf(old, "last_timestamp"), nil
	}
	return 0, fail(http.StatusNotFound, "There is no such session.")
}

type createBody struct {
	UserID   string          `json:"user_id"`
	Title    string          `json:"title"`
	Metadata json.RawMessage `json:"metadata"`
}

func (s *store) create(r *http.Request) (interface{}, error) {
	var body createBody
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, fail(http.StatusBadRequest, "The body is not JSON.")
	}
	if body.UserID == "" || len(body.UserID) > 2048 {
		return nil, fail(http.StatusUnprocessableEntity, "user_id is needed")
	}
	now := time.Now()
	created := session{SessionID: newID(now), UserID: body.UserID, Title: body.Title,
		CreatedAt: rfc3339(now), UpdatedAt: rfc3339(now), Tags: []string{}, Metadata: body.Metadata}
	if created.Title == "" {
		created.Title = now.UTC().Format("Chat Session 2006-01-02 15:04")
	}
	put := item{
		"user_id": text(created.UserID), "session_id": text(created.SessionID), "title": text(created.Title),
		"created_at": text(created.CreatedAt), "updated_at": text(created.UpdatedAt),
		"message_count": number(0), "last_timestamp": number(0), "version": number(1),
	}
	if body.Metadata != nil {
		put["metadata"] = text(string(body.Metadata))
	}
	free := aws.String("attribute_not_exists(session_id)")
	_, err := s.client.TransactWriteItems(r.Context(), &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{TableName: aws.String(sessionsTable), Item: put, ConditionExpression: free}},
			{Put: &types.Put{
				TableName: aws.String(messagesTable),
				Item: item{"session_id": text(created.SessionID), "timestamp": number(0),
					"user_id": text(created.UserID)},
				ConditionExpression: free,
			}},
		},
	})
	if err != nil {
		return nil, err
	}
	return sessionAnswer{"success", created, rfc3339(time.Now())}, nil
}
