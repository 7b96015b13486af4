/*
 * The text of User-Agent. transport and dynamo_request put it into requests.
 */
#include "aws/user_agent.h"

#include <stdio.h>
#include <string.h>

#include "aws/profile.h"

static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                              "!#$%&'*+-.^_`|~";

void user_agent_make(const struct config *config, char out[USER_AGENT_SIZE])
{
    static const struct profile_setting setting = {"AWS_SDK_UA_APP_ID", "sdk_ua_app_id"};
    char app[USER_AGENT_APP_MAX + 1] = "";
    if (profile_setting(config, &setting, app, sizeof(app), NULL) < 0)
        app[0] = '\0';
    for (char *p = app; *p; p++) {
        if (!strchr(allowed, *p))
            *p = '-';
    }
    (void)snprintf(out, USER_AGENT_SIZE, USER_AGENT "%s%s", app[0] ? " app/" : "", app);
}
