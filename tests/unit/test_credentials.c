/* The chain and its providers that need no metadata service: environment, web identity, shared
 * files, roles of profiles, commands. */
#include "fake_aws.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

#define STS "POST https://sts.eu-central-1.amazonaws.com/"
#define CREDENTIALS(number)                                                                        \
    "{\"AccessKeyId\":\"AK" number "\",\"SecretAccessKey\":\"HUSH" number                          \
    "\",\"SessionToken\":\"HUSHT" number "\",\"Expiration\":1767229200.0}"
#define ASSUMED(number)                                                                            \
    "{\"AssumeRoleResponse\":{\"AssumeRoleResult\":{\"AssumedRoleUser\":{},"                       \
    "\"Credentials\":" CREDENTIALS(number) "}}}"
#define WEB_ASSUMED                                                                                \
    "{\"AssumeRoleWithWebIdentityResponse\":{\"AssumeRoleWithWebIdentityResult\":"                 \
    "{\"Credentials\":" CREDENTIALS("W") "}}}"
#define KEYS_UNTIL_23                                                                              \
    "{\"Credentials\":{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"HUSH\",\"SessionToken\":"      \
    "\"T\","                                                                                       \
    "\"Expiration\":\"2025-12-31T23:00:00Z\"}}"
#define UNTIL_23 "{\"AssumeRoleResponse\":{\"AssumeRoleResult\":" KEYS_UNTIL_23 "}}"
#define WEB_UNTIL_23                                                                               \
    "{\"AssumeRoleWithWebIdentityResponse\":{\"AssumeRoleWithWebIdentityResult\":" KEYS_UNTIL_23   \
    "}}"
#define DENIED                                                                                     \
    "{\"Error\":{\"Code\":\"AccessDenied\",\"Message\":\"not authorized\",\"Type\":\"Sender\"}}"
#define PUT "PUT http://169.254.169.254/latest/api/token"
#define ROLES "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/"
#define INSTANCE_ROLE                                                                              \
    {PUT, 0, 200, "t", 0}, {ROLES, 0, 200, "r", 0},                                                \
    {                                                                                              \
        ROLES "r", 0, 200,                                                                         \
            "{\"AccessKeyId\":\"AKI\",\"SecretAccessKey\":\"HUSHI\",\"Token\":\"T\","              \
            "\"Expiration\":\"" FAKE_HOUR "\"}",                                                   \
            0                                                                                      \
    }
#define FOUND .result = CREDENTIALS_FOUND, .found
#define FAILED .result = CREDENTIALS_FAILED, .words
#define NOT_HERE .result = CREDENTIALS_NOT_HERE
#define KEYS "aws_access_key_id = AK\naws_secret_access_key = HUSH\n"

/* ---- environment -------------------------------------------------------------------------------
 */

static const struct credentials_case environment_cases[] = {
    {.name = "nothing", NOT_HERE},
    {.name = "a pair",
     .settings = {"AWS_ACCESS_KEY_ID=AK", "AWS_SECRET_ACCESS_KEY=HUSH/+"},
     FOUND = "AK/HUSH/+//environment"},
    {.name = "with a token",
     .settings = {"AWS_ACCESS_KEY_ID=AK", "AWS_SECRET_ACCESS_KEY=HUSH", "AWS_SESSION_TOKEN=ST=="},
     FOUND = "AK/HUSH/ST==/environment"},
    {.name = "a token alone", .settings = {"AWS_SESSION_TOKEN=HUSH"}, NOT_HERE},
};

/* ---- web identity ------------------------------------------------------------------------------
 */

#define ROLE "AWS_ROLE_ARN=arn:aws:iam::1:role/app"
#define TOKEN_FILE "AWS_WEB_IDENTITY_TOKEN_FILE=@/token"

static const struct credentials_case web_identity_cases[] = {
    {.name = "nothing", NOT_HERE},
    {.name = "a role alone", .settings = {ROLE}, NOT_HERE},
    {.name = "a file alone", .settings = {TOKEN_FILE}, FAILED = "AWS_ROLE_ARN is not"},
    {.name = "a file of two lines",
     .settings = {ROLE, TOKEN_FILE},
     .token_file = "HUSH.jwt\nHUSH",
     FAILED = "/token holds more than one word"},
    {.name = "both",
     .settings = {ROLE, TOKEN_FILE},
     .token_file = "HUSH.jwt/\n",
     .script = {{STS, 0, 200, WEB_ASSUMED, 0}},
     FOUND = "AKW/HUSHW/HUSHTW/web identity",
     .seen = {"\nAccept: application/json\n", "Action=AssumeRoleWithWebIdentity&Version=2011-06-15",
              "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fapp&",
              "&RoleSessionName=chat-sessions-1767225600&", "&WebIdentityToken=HUSH.jwt%2F\n"},
     .may_use_proxy = true},
    {.name = "a session's name",
     .settings = {ROLE, TOKEN_FILE, "AWS_ROLE_SESSION_NAME=me@here"},
     .token_file = "HUSH",
     .script = {{STS, 0, 200, WEB_ASSUMED, 0}},
     FOUND = "AKW/HUSHW/HUSHTW/web identity",
     .seen = {"&RoleSessionName=me%40here&"},
     .may_use_proxy = true},
    {.name = "no file", .settings = {ROLE, TOKEN_FILE}, FAILED = "cannot be read: No such file"},
    {.name = "an empty file",
     .settings = {ROLE, TOKEN_FILE},
     .token_file = "\n",
     FAILED = "is empty"},
    {.name = "refused",
     .settings = {ROLE, TOKEN_FILE},
     .token_file = "HUSH",
     .script = {{STS, 0, 403, DENIED, 0}},
     FAILED = "web identity: STS says AccessDenied: not authorized",
     .may_use_proxy = true},
    {.name = "a clock that is 2 h ahead: what expires in an hour has not expired",
     .settings = {ROLE, TOKEN_FILE},
     .token_file = "HUSH",
     .script = {{STS, 0, 200, WEB_UNTIL_23, 0}},
     FOUND = "AK/HUSH/T/web identity",
     .server_ahead_s = -7200,
     .expires_us = FAKE_NOW_US + INT64_C(3600000000),
     .may_use_proxy = true},
    {.name = "the identity provider is away for a moment",
     .settings = {ROLE, TOKEN_FILE},
     .token_file = "HUSH",
     .script = {{STS, 0, 400, "{\"Error\":{\"Code\":\"IDPCommunicationError\"}}", 0},
                {STS, 0, 200, WEB_ASSUMED, 0}},
     FOUND = "AKW/HUSHW/HUSHTW/web identity",
     .may_use_proxy = true},
};

/* ---- shared files ------------------------------------------------------------------------------
 */

#define ROLE_OF(from) "role_arn = arn:aws:iam::1:role/r\nsource_profile = " from "\n"
#define BASE_KEYS "[base]\n" KEYS

static const struct credentials_case profile_cases[] = {
    {.name = "no files", NOT_HERE},
    {.name = "default", .credentials_file = "[default]\n" KEYS, FOUND = "AK/HUSH//profile default"},
    {.name = "a blank in the secret",
     .credentials_file = "[default]\naws_access_key_id = AK\naws_secret_access_key = SEC RET\n",
     FAILED = "secret access key has a blank"},
    {.name = "keys in the config file",
     .config_file = "[profile work]\n" KEYS,
     .settings = {"AWS_PROFILE=work"},
     FOUND = "AK/HUSH//profile work"},
    {.name = "with a token",
     .credentials_file = "[default]\n" KEYS "aws_session_token = ST\n",
     FOUND = "AK/HUSH/ST/profile default"},
    {.name = "AWS_PROFILE that is not there",
     .credentials_file = "[default]\n" KEYS,
     .settings = {"AWS_PROFILE=work"},
     FAILED = "profile work: AWS_PROFILE names it, but neither"},
    {.name = "another credentials file",
     .token_file = "[default]\n" KEYS,
     .settings = {"AWS_SHARED_CREDENTIALS_FILE=@/token"},
     FOUND = "AK/HUSH//profile default"},
    {.name = "only a region", .config_file = "[default]\nregion = a\n", NOT_HERE},
    {.name = "half a pair",
     .credentials_file = "[default]\naws_access_key_id = AK\n",
     FAILED = "aws_access_key_id is set, but aws_secret_access_key is not"},
    {.name = "the other half",
     .credentials_file = "[default]\naws_secret_access_key = HUSH\n",
     FAILED = "aws_secret_access_key is set, but aws_access_key_id is not"},

    {.name = "a role",
     .settings = {"AWS_PROFILE=work"},
     .credentials_file = BASE_KEYS "aws_session_token = HUSHBASE\n",
     .config_file =
         "[profile work]\n" ROLE_OF("base") "external_id = e/1\n"
                                            "role_session_name = me\nduration_seconds = 900\n",
     .script = {{STS, 0, 200, ASSUMED("1"), 0}},
     FOUND = "AK1/HUSH1/HUSHT1/profile work",
     .seen = {"\nAuthorization: AWS4-HMAC-SHA256 Credential=AK/20260101/eu-central-1/sts/",
              "\nX-Amz-Security-Token: HUSHBASE\n",
              "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&",
              "&RoleSessionName=me&ExternalId=e%2F1&DurationSeconds=900\n",
              "\nX-Amz-Date: 20260101T000000Z\n", "\nContent-Type: application/x-www-form"},
     .may_use_proxy = true,
     .longest_ms = 5000},
    {.name = "a role of a role",
     .settings = {"AWS_PROFILE=work"},
     .config_file = "[profile work]\n" ROLE_OF("mid") "[profile mid]\n" ROLE_OF(
         "base") "[profile base]\n" KEYS,
     .script = {{STS, 0, 200, ASSUMED("1"), 0}, {STS, 0, 200, ASSUMED("2"), 0}},
     FOUND = "AK2/HUSH2/HUSHT2/profile work",
     .seen = {"Credential=AK/", "Credential=AK1/", "X-Amz-Security-Token: HUSHT1\n"},
     .may_use_proxy = true},
    {.name = "a role of the profile's own keys",
     .credentials_file = "[default]\n" KEYS,
     .config_file = "[default]\n" ROLE_OF("default"),
     .script = {{STS, 0, 200, ASSUMED("1"), 0}},
     FOUND = "AK1/HUSH1/HUSHT1/profile default",
     .may_use_proxy = true},
    {.name = "a loop of two",
     .config_file = "[default]\n" ROLE_OF("b") "[profile b]\n" ROLE_OF("default"),
     FAILED = "leads back to itself"},
    {.name = "a loop of one",
     .config_file = "[default]\n" ROLE_OF("default"),
     FAILED = "leads back to itself"},
    {.name = "a source that is not there",
     .config_file = "[default]\n" ROLE_OF("b"),
     FAILED = "source_profile does not exist"},
    {.name = "a source without credentials",
     .config_file = "[default]\n" ROLE_OF("b") "[profile b]\nregion = a\n",
     FAILED = "source_profile has no credentials"},
    {.name = "a role of nobody",
     .config_file = "[default]\nrole_arn = r\n",
     FAILED = "either source_profile or credential_source"},
    {.name = "a role of two",
     .config_file =
         "[default]\n" ROLE_OF("b") "credential_source = Environment\n[profile b]\n" KEYS,
     FAILED = "and not both"},
    {.name = "a code that nobody types",
     .config_file = "[default]\n" ROLE_OF("b") "mfa_serial = m\n[profile b]\n" KEYS,
     FAILED = "mfa_serial"},
    {.name = "a duration that is too short",
     .config_file = "[default]\n" ROLE_OF("b") "duration_seconds = 899\n[profile b]\n" KEYS,
     FAILED = "duration_seconds must be 900 to 43200"},
    {.name = "a duration that is too long",
     .config_file = "[default]\n" ROLE_OF("b") "duration_seconds = 99999999999\n[profile b]\n" KEYS,
     FAILED = "duration_seconds must be"},
    {.name = "a duration that is a second too long",
     .config_file = "[default]\n" ROLE_OF("b") "duration_seconds = 43201\n[profile b]\n" KEYS,
     FAILED = "duration_seconds must be"},
    {.name = "a duration that is no number",
     .config_file = "[default]\n" ROLE_OF("b") "duration_seconds = 1h\n[profile b]\n" KEYS,
     FAILED = "duration_seconds must be"},
    {.name = "role refused",
     .config_file = "[default]\n" ROLE_OF("b") "[profile b]\n" KEYS,
     .script = {{STS, 0, 403, DENIED, 0}},
     FAILED = "profile default: STS says AccessDenied",
     .may_use_proxy = true},

    {.name = "credential_source Environment",
     .settings = {"AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY=HUSHE"},
     .config_file = "[default]\nrole_arn = r\ncredential_source = Environment\n",
     .script = {{STS, 0, 200, ASSUMED("1"), 0}},
     FOUND = "AK1/HUSH1/HUSHT1/profile default",
     .seen = {"Credential=AKE/"},
     .may_use_proxy = true},
    {.name = "credential_source Environment, empty",
     .config_file = "[default]\nrole_arn = r\ncredential_source = Environment\n",
     FAILED = "credential_source has no credentials"},
    {.name = "credential_source EcsContainer",
     .settings = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/x"},
     .config_file = "[default]\nrole_arn = r\ncredential_source = EcsContainer\n",
     .script = {{"GET http://169.254.170.2/x", 0, 200,
                 "{\"AccessKeyId\":\"AKC\",\"SecretAccessKey\":\"HUSH\",\"Token\":\"T\","
                 "\"Expiration\":\"" FAKE_HOUR "\"}",
                 0},
                {STS, 0, 200, ASSUMED("1"), 0}},
     FOUND = "AK1/HUSH1/HUSHT1/profile default",
     .seen = {"Credential=AKC/"},
     .may_use_proxy = true},
    {.name = "credential_source Ec2InstanceMetadata",
     .config_file = "[default]\nrole_arn = r\ncredential_source = Ec2InstanceMetadata\n",
     .script = {{"PUT http://169.254.169.254/latest/api/token", TRANSPORT_NOT_SENT, 0, NULL, 0}},
     FAILED = "credential_source has no credentials"},
    {.name = "credential_source Ec2InstanceMetadata, a role of the instance's",
     .config_file = "[default]\nrole_arn = r\ncredential_source = Ec2InstanceMetadata\n",
     .script = {INSTANCE_ROLE, {STS, 0, 200, ASSUMED("1"), 0}},
     FOUND = "AK1/HUSH1/HUSHT1/profile default",
     .seen = {"Credential=AKI/", "\nX-Amz-Security-Token: T\n"},
     .may_use_proxy = true},
    {.name = "credential_source of another name",
     .config_file = "[default]\nrole_arn = r\ncredential_source = Elsewhere\n",
     FAILED = "must be Environment, Ec2InstanceMetadata or EcsContainer"},

    {.name = "a role with a token file",
     .settings = {"AWS_PROFILE=work"},
     .token_file = "HUSH",
     .config_file = "[profile work]\nrole_arn = r\nweb_identity_token_file = /nothing/there\n",
     FAILED = "/nothing/there cannot be read"},
    {.name = "aws login goes another way",
     .config_file = "[default]\nlogin_session = arn:aws:iam::1:user/x\n",
     FAILED = "credential_process = aws configure export-credentials --profile default"},
};

/* ---- STS's endpoint ----------------------------------------------------------------------------
 */

#define ASK "[default]\n" ROLE_OF("b") "[profile b]\n" KEYS
#define ASSUMES(request)                                                                           \
    .script = {{request, 0, 200, ASSUMED("1"), 0}}, FOUND = "AK1/HUSH1/HUSHT1/profile default",    \
    .may_use_proxy = true

static const struct credentials_case endpoint_cases[] = {
    {.name = "the service's own setting",
     .settings = {"AWS_ENDPOINT_URL_STS=http://127.0.0.1:9000", "AWS_ENDPOINT_URL=http://b"},
     .config_file = ASK,
     ASSUMES("POST http://127.0.0.1:9000/")},
    {.name = "the setting for all services, its path dropped",
     .settings = {"AWS_ENDPOINT_URL=http://b:1/x"},
     .config_file = ASK,
     ASSUMES("POST http://b:1/")},
    {.name = "the profile's",
     .config_file = "[default]\nendpoint_url = http://c\n" ROLE_OF("b") "[profile b]\n" KEYS,
     ASSUMES("POST http://c/")},
    {.name = "the FIPS endpoint",
     .settings = {"AWS_USE_FIPS_ENDPOINT=true"},
     .config_file = ASK,
     ASSUMES("POST https://sts-fips.eu-central-1.amazonaws.com/")},
    {.name = "no FIPS endpoint where one is configured",
     .settings = {"AWS_USE_FIPS_ENDPOINT=true", "AWS_ENDPOINT_URL_STS=http://b"},
     .config_file = ASK,
     FAILED = "an endpoint of STS is configured, and AWS_USE_FIPS_ENDPOINT"},
};

/* ---- STS's answers -----------------------------------------------------------------------------
 */

#define SIGNATURE(words)                                                                           \
    "{\"Error\":{\"Code\":\"SignatureDoesNotMatch\",\"Message\":\"Signature " words "\"}}"
#define STS_FAILED(said) FAILED = (said), .may_use_proxy = true

static const struct credentials_case sts_cases[] = {
    {.name = "third try, each signed anew",
     .config_file = ASK,
     .script = {{STS, 0, 503, "<html>", 0},
                {STS, TRANSPORT_MAYBE_SENT, 0, NULL, 0},
                {STS, 0, 200, ASSUMED("1"), 0}},
     FOUND = "AK1/HUSH1/HUSHT1/profile default",
     .may_use_proxy = true},
    {.name = "throttled, then answered",
     .config_file = ASK,
     .script = {{STS, 0, 400, "{\"Error\":{\"Code\":\"ThrottlingException\"}}", 0},
                {STS, 0, 200, ASSUMED("1"), 0}},
     FOUND = "AK1/HUSH1/HUSHT1/profile default",
     .may_use_proxy = true},
    {.name = "three tries and no more",
     .config_file = ASK,
     .script = {{STS, 0, 500, NULL, 0}, {STS, 0, 502, NULL, 0}, {STS, 0, 504, NULL, 0}},
     STS_FAILED("status 504")},

    {.name = "a clock that is behind: what expires at 1:00 there does so at 0:50 here",
     .config_file = ASK,
     .script = {{STS, 0, 403, SIGNATURE("expired: a is now earlier than b"), 0},
                {STS, 0, 200, ASSUMED("1"), 0}},
     FOUND = "AK1/HUSH1/HUSHT1/profile default",
     .seen = {"X-Amz-Date: 20260101T000000Z\n", "X-Amz-Date: 20260101T001000Z\n"},
     .server_ahead_s = 600,
     .expires_us = FAKE_NOW_US + INT64_C(3000000000),
     .may_use_proxy = true},
    {.name = "a clock that is two hours ahead: what expires in an hour has not expired",
     .config_file = ASK,
     .script = {{STS, 0, 403, SIGNATURE("not yet current: a is still later than b"), 0},
                {STS, 0, 200, UNTIL_23, 0}},
     FOUND = "AK/HUSH/T/profile default",
     .seen = {"X-Amz-Date: 20260101T000000Z\n", "X-Amz-Date: 20251231T220000Z\n"},
     .server_ahead_s = -7200,
     .expires_us = FAKE_NOW_US + INT64_C(3600000000),
     .may_use_proxy = true},
    {.name = "the clock's fault by another name",
     .config_file = ASK,
     .script = {{STS, 0, 400, "{\"Error\":{\"Code\":\"RequestExpired\"}}", 0},
                {STS, 0, 200, ASSUMED("1"), 0}},
     FOUND = "AK1/HUSH1/HUSHT1/profile default",
     .seen = {"X-Amz-Date: 20260101T000400Z\n"},
     .server_ahead_s = 240,
     .may_use_proxy = true},
    {.name = "no Date: the time is in the words",
     .config_file = ASK,
     .script = {{STS, 0, 403,
                 SIGNATURE("expired: 20260101T000000Z is now earlier than 20260101T001500Z "
                           "(20260101T002000Z - 5 min.)"),
                 0},
                {STS, 0, 200, ASSUMED("1"), 0}},
     FOUND = "AK1/HUSH1/HUSHT1/profile default",
     .seen = {"X-Amz-Date: 20260101T002000Z\n"},
     .may_use_proxy = true},
    {.name = "a small difference: signed anew, but once",
     .config_file = ASK,
     .script = {{STS, 0, 403, SIGNATURE("expired: a"), 0},
                {STS, 0, 403, SIGNATURE("expired: a"), 0}},
     .server_ahead_s = 239,
     STS_FAILED("STS says SignatureDoesNotMatch: Signature expired")},
    {.name = "the key's fault, whatever the clock says",
     .config_file = ASK,
     .script = {{STS, 0, 403, SIGNATURE("we calculated does not match"), 0}},
     .server_ahead_s = 600,
     STS_FAILED("STS says SignatureDoesNotMatch: Signature we calculated")},
    {.name = "the clock is corrected once",
     .config_file = ASK,
     .script = {{STS, 0, 403, SIGNATURE("expired: a (20260101T002000Z - 5 min.)"), 0},
                {STS, 0, 403, SIGNATURE("expired: b (20260101T004000Z - 5 min.)"), 0}},
     STS_FAILED("STS says SignatureDoesNotMatch: Signature expired: b")},
    {.name = "a corrected clock: within the three tries",
     .config_file = ASK,
     .script = {{STS, 0, 500, NULL, 0},
                {STS, 0, 500, NULL, 0},
                {STS, 0, 403, SIGNATURE("expired: a"), 0}},
     .server_ahead_s = 600,
     STS_FAILED("STS says SignatureDoesNotMatch")},

    {.name = "no such host",
     .config_file = ASK,
     .script = {{STS, TRANSPORT_NOT_SENT, 0, NULL, true}},
     STS_FAILED("no answer: connection refused")},
    {.name = "XML",
     .config_file = ASK,
     .script = {{STS, 0, 200, "<AssumeRoleResponse/>", 0}},
     STS_FAILED("not JSON")},
    {.name = "a refusal in XML",
     .config_file = ASK,
     .script = {{STS, 0, 400, "<ErrorResponse>HUSH</ErrorResponse>", 0}},
     STS_FAILED("status 400")},
    {.name = "another call's answer",
     .config_file = ASK,
     .script = {{STS, 0, 200, WEB_ASSUMED, 0}},
     STS_FAILED("no AssumeRoleResponse")},
    {.name = "no token",
     .config_file = ASK,
     .script = {{STS, 0, 200,
                 "{\"AssumeRoleResponse\":{\"AssumeRoleResult\":{\"Credentials\":{\"AccessKeyId\":"
                 "\"AK\",\"SecretAccessKey\":\"HUSH\",\"Expiration\":1.7672292E9}}}}",
                 0}},
     STS_FAILED("no SessionToken")},
    {.name = "expiry as text, escapes in the secret",
     .config_file = ASK,
     .script = {{STS, 0, 200,
                 "{\"AssumeRoleResponse\":{\"AssumeRoleResult\":{\"Credentials\":{\"AccessKeyId\":"
                 "\"AK\",\"SecretAccessKey\":\"HUSH\\/\\u002b\",\"SessionToken\":\"T\","
                 "\"Expiration\":\"" FAKE_HOUR "\"}}}}",
                 0}},
     FOUND = "AK/HUSH/+/T/profile default",
     .may_use_proxy = true},
};

/* ---- commands ----------------------------------------------------------------------------------
 */

#define COMMAND(line) .config_file = "[default]\ncredential_process = " line "\n"
#define GOOD_OUTPUT "{\"Version\":1,\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"HUSH\""

static const struct credentials_case process_cases[] = {
    {.name = "keys",
     COMMAND("echo '" GOOD_OUTPUT "}'"),
     FOUND = "AK/HUSH//profile default, credential_process"},
    {.name = "with token and expiry",
     COMMAND("echo '" GOOD_OUTPUT ",\"SessionToken\":\"ST\",\"Expiration\":\"" FAKE_HOUR "\"}'"),
     FOUND = "AK/HUSH/ST/profile default, credential_process"},
    {.name = "expired",
     COMMAND("echo '" GOOD_OUTPUT ",\"Expiration\":\"2025-12-31T23:59:59Z\"}'"),
     FAILED = "expired at 2025-12-31"},
    {.name = "no Version",
     COMMAND("echo '{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"HUSH\"}'"),
     FAILED = "Version is not 1"},
    {.name = "Version 2",
     COMMAND("echo '{\"Version\":2,\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"HUSH\"}'"),
     FAILED = "Version is not 1"},
    {.name = "no secret",
     COMMAND("echo '{\"Version\":1,\"AccessKeyId\":\"AK\"}'"),
     FAILED = "secret access key is missing"},
    {.name = "prints nothing", COMMAND("true"), FAILED = "not JSON"},
    {.name = "fails", COMMAND("echo HUSH; exit 3"), FAILED = "ended with status 3"},
    {.name = "does not exist", COMMAND("/nothing/there"), FAILED = "ended with status 127"},
    {.name = "is killed", COMMAND("kill -9 $$"), FAILED = "ended by signal 9"},
    {.name = "prints without end", COMMAND("exec yes HUSH"), FAILED = "more than 65535 bytes"},
    {.name = "reads its input",
     COMMAND("cat; echo '" GOOD_OUTPUT "}'"),
     FOUND = "AK/HUSH//profile default, credential_process"},
    {.name = "is a source profile's",
     .settings = {"AWS_PROFILE=work"},
     .config_file = "[profile work]\n" ROLE_OF(
         "b") "[profile b]\ncredential_process = echo '" GOOD_OUTPUT "}'\n",
     .script = {{STS, 0, 200, ASSUMED("1"), 0}},
     FOUND = "AK1/HUSH1/HUSHT1/profile work",
     .may_use_proxy = true},
};

#define RUN(table, fetch)                                                                          \
    static void test_##table(void **state)                                                         \
    {                                                                                              \
        (void)state;                                                                               \
        for (size_t i = 0; i < COUNT(table##_cases); i++)                                          \
            run_case(&table##_cases[i], fetch);                                                    \
    }
RUN(environment, credentials_environment)
RUN(web_identity, credentials_web_identity)
RUN(profile, credentials_profile)
RUN(endpoint, credentials_profile)
RUN(sts, credentials_profile)
RUN(process, credentials_profile)

static int64_t seconds_now(void)
{
    return clock_system.mono_us(NULL) / 1000000;
}

static int run_command(const char *command, int64_t limit_ms, struct err *e)
{
    struct clock clock = clock_system;
    const struct credentials_context context = {.clock = &clock};
    struct credentials c = {0};
    int result = credentials_run_process(&context, command, limit_ms, &c, e);
    credentials_clear(&c);
    return result;
}

/* Also what the command started is ended: here sleep, a child of the shell. */
static void test_process_limit(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "echo $$ > %s/token; sleep 100; true",
        "echo $$ > %s/token; exec >&-; sleep 100; true",
    };
    for (size_t i = 0; i < COUNT(commands); i++) {
        char command[256];
        char path[128];
        int pid = 0;
        struct err e = {0};
        /* No other format than the literals above. */
        const char *at = strstr(commands[i], "%s");
        (void)snprintf(command, sizeof command, "%.*s%s%s", (int)(at - commands[i]), commands[i],
                       fake_home, at + 2);
        int64_t began = seconds_now();
        assert_int_equal(run_command(command, 300, &e), -1);
        assert_true(seconds_now() - began < 20);
        assert_non_null(strstr(e.detail, "did not end within 300 ms"));
        (void)snprintf(path, sizeof path, "%s/token", fake_home);
        char digits[32] = "";
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        assert_non_null(fgets(digits, sizeof digits, file));
        fclose(file);
        pid = (int)strtol(digits, NULL, 10);
        assert_true(pid > 0);
        /* The shell led its own process group; SIGKILL is certain, its effect a moment later. */
        while (kill(-pid, 0) == 0)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        assert_int_equal(errno, ESRCH);
    }
}

/* A worker has clients' connections and ignores SIGPIPE; the command gets neither. */
static void test_process_inherits_nothing(void **state)
{
    (void)state;
    struct err e = {0};
    int fd = open("/dev/null", O_RDONLY);
    assert_true(fd > 2 && fd < 10);
    void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
    char command[512];
    (void)snprintf(command, sizeof command,
                   "[ ! -e /proc/$$/fd/%d ] || exit 4; "
                   "ignored=$(sed -n 's/^SigIgn:[[:space:]]*/0x/p' /proc/$$/status); "
                   "[ $((ignored & 0x1000)) = 0 ] || exit 6; "
                   "echo '%s}'",
                   fd, GOOD_OUTPUT);
    if (run_command(command, 20000, &e) != 0)
        fail_msg("%s", e.detail);
    signal(SIGPIPE, handler);
    close(fd);
}

/* ---- the chain ---------------------------------------------------------------------------------
 */

static enum credentials_result ask_chain(const struct credentials_context *context,
                                         struct credentials *out, struct err *e)
{
    return credentials_fetch(credentials_chain, context, out, e) == 0 ? CREDENTIALS_FOUND
                                                                      : CREDENTIALS_FAILED;
}

#define PREFIX "AWS credentials not configured: "
#define ENVIRONMENT "AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY=HUSHE"
#define CONTAINER "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/x"

/* Everything is there; each row takes the first of the one before away. */
static const struct credentials_case chain_cases[] = {
    {.name = "1 environment",
     .settings = {ENVIRONMENT, ROLE, TOKEN_FILE, CONTAINER},
     .token_file = "HUSH",
     .credentials_file = "[default]\n" KEYS,
     FOUND = "AKE/HUSHE//environment"},
    {.name = "2 web identity",
     .settings = {ROLE, TOKEN_FILE, CONTAINER},
     .token_file = "HUSH",
     .credentials_file = "[default]\n" KEYS,
     .script = {{STS, 0, 200, WEB_ASSUMED, 0}},
     FOUND = "AKW/HUSHW/HUSHTW/web identity",
     .may_use_proxy = true},
    {.name = "3 shared files",
     .settings = {CONTAINER},
     .credentials_file = "[default]\n" KEYS,
     FOUND = "AK/HUSH//profile default"},
    {.name = "4 container",
     .settings = {CONTAINER},
     .script = {{"GET http://169.254.170.2/x", 0, 200,
                 "{\"AccessKeyId\":\"AKC\",\"SecretAccessKey\":\"HUSHC\",\"Token\":\"T\","
                 "\"Expiration\":\"" FAKE_HOUR "\"}",
                 0}},
     FOUND = "AKC/HUSHC/T/container"},
    {.name = "5 instance role", .script = {INSTANCE_ROLE}, FOUND = "AKI/HUSHI/T/instance role"},
    {.name = "nothing anywhere",
     .script = {{PUT, TRANSPORT_NOT_SENT, 0, NULL, 0}},
     FAILED = PREFIX "set AWS_ACCESS_KEY_ID and"},
    {.name = "a failure ends the chain",
     .settings = {"AWS_PROFILE=work", CONTAINER},
     .credentials_file = "[default]\n" KEYS,
     FAILED = PREFIX "profile work: "},
    {.name = "a failure of an endpoint ends it too",
     .settings = {CONTAINER},
     .script = {{"GET http://169.254.170.2/x", 0, 400, NULL, 0}},
     FAILED = "the AWS credentials could not be obtained: container: answered with status 400"},
};
RUN(chain, ask_chain)

/* ---- token files -------------------------------------------------------------------------------
 */

#define CONTAINER_ANSWER                                                                           \
    "{\"AccessKeyId\":\"AKC\",\"SecretAccessKey\":\"HUSHC\",\"Token\":\"T\",\"Expiration\":"       \
    "\"" FAKE_HOUR "\"}"

static const struct token_case {
    const char *name;
    enum credentials_result (*fetch)(const struct credentials_context *context,
                                     struct credentials *out, struct err *e);
    const char *settings[4];
    const char *profile; /* the file's path is added to it; NULL: no file */
    const char *request;
    const char *answer;
    const char *seen[2]; /* of the first and of the second fetch */
} token_cases[] = {
    {.name = "web identity",
     .fetch = credentials_web_identity,
     .settings = {ROLE, TOKEN_FILE},
     .request = STS,
     .answer = WEB_ASSUMED,
     .seen = {"&WebIdentityToken=HUSH1\n", "&WebIdentityToken=HUSH2\n"}},
    /* Not signed with the keys that are there as well. */
    {.name = "a profile's web identity",
     .fetch = credentials_profile,
     .profile = "[default]\n" KEYS "role_arn = arn:r\nrole_session_name = me\n"
                "web_identity_token_file = ",
     .request = STS,
     .answer = WEB_ASSUMED,
     .seen = {"\nAccept: application/json\n\nAction=AssumeRoleWithWebIdentity&Version=2011-06-15&"
              "RoleArn=arn%3Ar&RoleSessionName=me&WebIdentityToken=HUSH1\n",
              "&RoleSessionName=me&WebIdentityToken=HUSH2\n"}},
    {.name = "container",
     .fetch = credentials_container,
     .settings = {CONTAINER, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=@/token"},
     .request = "GET http://169.254.170.2/x",
     .answer = CONTAINER_ANSWER,
     .seen = {"\nAuthorization: HUSH1\n", "\nAuthorization: HUSH2\n"}},
};

static void check_token_file(const struct token_case *row)
{
    const struct fake_answer answer = {row->request, 0, 200, row->answer, 0};
    const struct fake_answer script[] = {answer, answer, {0}};
    struct fake_clock clock = {.wall_us = FAKE_NOW_US, .chance = 0.5};
    struct clock table = fake_clock_table(&clock);
    struct fake_transport transport;
    struct config config;
    char profile[512];
    (void)snprintf(profile, sizeof profile, "%s%s/token\n", row->profile ? row->profile : "",
                   fake_home);
    fake_file_write(".aws/config", row->profile ? profile : NULL);
    fake_file_write(".aws/credentials", NULL);
    fake_config(&config, row->settings);
    const struct credentials_context context = {.config = &config,
                                                .clock = &table,
                                                .transport = &transport.table,
                                                .region = "eu-central-1"};
    fake_transport_init(&transport, script);
    for (int i = 0; i < 2; i++) {
        struct credentials c = {0};
        struct err e = {0};
        fake_file_write("token", i == 0 ? "HUSH1\n" : "HUSH2\n");
        if (row->fetch(&context, &c, &e) != CREDENTIALS_FOUND)
            fail_msg("%s: %s", row->name, e.detail);
        if (!strstr(transport.transcript.data, row->seen[i]))
            fail_msg("%s: no \"%s\" in\n%s", row->name, row->seen[i], transport.transcript.data);
        credentials_clear(&c);
    }
    buf_free(&transport.transcript);
    config_free(&config);
}

/* The platform replaces them while the process runs. */
static void test_token_files_are_read_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(token_cases); i++)
        check_token_file(&token_cases[i]);
}

static void test_copy_and_clear(void **state)
{
    (void)state;
    struct credentials a = {0};
    struct credentials b = {0};
    struct err e = {0};
    const struct credentials_strings strings = {STR("AK"), STR("HUSH"), STR("T"), 42};
    assert_int_equal(credentials_set(&a, "here", &strings, &e), 0);
    assert_int_equal(credentials_copy(&b, &a), 0);
    assert_ptr_not_equal(a.secret_access_key, b.secret_access_key);
    credentials_clear(&a);
    assert_null(a.access_key_id);
    assert_string_equal(b.access_key_id, "AK");
    assert_string_equal(b.secret_access_key, "HUSH");
    assert_string_equal(b.session_token, "T");
    assert_string_equal(b.source, "here");
    assert_int_equal(b.expires_us, 42);
    credentials_clear(&b);
    credentials_clear(&b); /* again is harmless */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_web_identity),
        cmocka_unit_test(test_profile),
        cmocka_unit_test(test_endpoint),
        cmocka_unit_test(test_sts),
        cmocka_unit_test(test_process),
        cmocka_unit_test(test_process_limit),
        cmocka_unit_test(test_process_inherits_nothing),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_copy_and_clear),
        cmocka_unit_test(test_token_files_are_read_again),
    };
    return cmocka_run_group_tests_name("credentials", tests, fake_home_make, fake_home_remove);
}
