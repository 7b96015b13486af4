/*
 * What requests call themselves in User-Agent: the program, and the application that the operator
 * names, which AWS then shows in its logs (CloudTrail).
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-appid.html
 */
#ifndef AWS_USER_AGENT_H
#define AWS_USER_AGENT_H

#include "base/config.h"

#ifndef CHAT_SESSIONS_VERSION
#define CHAT_SESSIONS_VERSION "0"
#endif
#define USER_AGENT "chat-sessions/" CHAT_SESSIONS_VERSION
#define USER_AGENT_SIZE 128
#define USER_AGENT_APP_MAX 50 /* characters, as AWS's tools have it */

/*
 * "chat-sessions/1.0 app/my-app": with AWS_SDK_UA_APP_ID, or sdk_ua_app_id of the active profile,
 * if there is one. What may not stand there becomes "-". A profile that cannot be read has no name;
 * the look-up of credentials says so.
 */
void user_agent_make(const struct config *config, char out[USER_AGENT_SIZE]);

#endif
