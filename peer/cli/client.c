/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Blocking system calls: while a subcommand waits for spratd's answer, it has nothing else to do.
 */
#include "peer/cli/client.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/parse.h"
#include "common/base/printable.h"
#include "common/rpc/frame.h"
#include "common/rpc/message.h"
#include "common/sys/unixsock.h"
#include "config.h"

void
client_option(struct client_options *o, int id, const char *value)
{
    if (id == CLIENT_OPT_SOCKET)
        o->socket = value;
    else if (id == CLIENT_OPT_JSON)
        o->json = true;
}

/* Sets the message for a socket |path| that this user may not use: which users may, and how to
 * become one of them. */
static int
explain_denied(const char *path, struct errbuf *eb)
{
    struct stat st;
    const struct passwd *user;
    const struct group *group;

    if (stat(path, &st) != 0)
        return errbuf_set(eb, SPRAT_E_ACCESS,
                          "%s: permission denied: a directory on the way to it is closed to you",
                          path);
    user = getpwuid(st.st_uid);
    group = getgrgid(st.st_gid);
    if ((st.st_mode & S_IWGRP) != 0 && group != NULL)
        return errbuf_set(eb, SPRAT_E_ACCESS,
                          "%s: permission denied: members of group '%s' may control this spratd; "
                          "add yourself with 'usermod -aG %s USER' as root, and log in again",
                          path, group->gr_name, group->gr_name);
    return errbuf_set(eb, SPRAT_E_ACCESS,
                      "%s: permission denied: only user '%s' may control this spratd, unless its "
                      "setting socket-group names a group of yours",
                      path, user != NULL ? user->pw_name : "?");
}

/* Returns a descriptor; or NOENT, REFUSED or ACCESS and a sentence that says what to do. */
static int
connect_to(const char *path, struct errbuf *eb)
{
    int fd = unixsock_connect(path, eb);

    switch (fd) {
    case SPRAT_E_NOENT:
        return errbuf_set(eb, fd,
                          "spratd is not running: there is no socket %s. Start it with 'spratd', "
                          "or name its socket with --socket or $SPRAT_SOCKET",
                          path);
    case SPRAT_E_REFUSED:
        return errbuf_set(
            eb, fd,
            "spratd is not running: no program listens at %s. Start it with 'spratd', "
            "or name its socket with --socket or $SPRAT_SOCKET",
            path);
    case SPRAT_E_ACCESS: return explain_denied(path, eb);
    }
    return fd;
}

/* Connects to the system's spratd, after the user's own socket |own| has failed with |err|; |eb| is
 * the message of that failure, and stays if the system has no socket. */
static int
connect_to_system(const char *own, int err, struct errbuf *eb)
{
    static const char system[] = SPRAT_RUN_DIR "/spratd.sock";
    struct errbuf why;
    int fd = connect_to(system, &why);

    if (fd == SPRAT_E_NOENT)
        return err;
    if (fd == SPRAT_E_REFUSED)
        return errbuf_set(eb, fd,
                          "spratd is not running: no program listens at %s or at the system's %s. "
                          "Start it with 'spratd', or 'systemctl start spratd' as root",
                          own, system);
    if (fd < 0)
        *eb = why;
    return fd;
}

int
client_connect(const struct client_options *o, struct errbuf *eb)
{
    const char *env = getenv("SPRAT_SOCKET");
    char *own;
    int fd;

    if (o->socket != NULL)
        return connect_to(o->socket, eb);
    if (env != NULL && env[0] != '\0')
        return connect_to(env, eb);
    own = unixsock_path("spratd.sock");
    if (own == NULL)
        return errbuf_set(eb, SPRAT_E_NOENT, "no home directory is known: give --socket");
    fd = connect_to(own, eb);
    if (fd == SPRAT_E_NOENT || fd == SPRAT_E_REFUSED)
        fd = connect_to_system(own, fd, eb);
    free(own);
    return fd;
}

static int
send_all(int fd, const char *text, size_t len, struct errbuf *eb)
{
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errbuf_set(eb, SPRAT_E_CLOSED, "spratd closed the connection: %s",
                              strerror(errno));
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Reads until |f| has a message. */
static int
receive(int fd, struct rpc_frame *f, const char **text, size_t *len, struct errbuf *eb)
{
    char chunk[16384];
    int got;

    while ((got = rpc_frame_next(f, text, len)) == 0) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return errbuf_set(eb, SPRAT_E_CLOSED,
                              "spratd closed the connection before it answered");
        got = rpc_frame_feed(f, chunk, (size_t)n);
        if (got != 0)
            return errbuf_set(eb, got, "%s", sprat_strerror(got));
    }
    return got < 0 ? errbuf_set(eb, got, "spratd's answer is too long") : 0;
}

int
client_begin(const struct cli_command *self, int argc, const char *const *argv, size_t min,
             size_t max, struct cli_args *args, struct client_options *o)
{
    struct errbuf eb;
    const char *value;
    int id, got, fd;

    *o = (struct client_options){.socket = NULL};
    cli_args_init(args, self, argc, argv);
    while ((got = cli_next(args, &id, &value, min, max)) > 0)
        client_option(o, id, value);
    if (got < 0)
        return -1;
    for (size_t i = 0; i < args->operand_count; i++)
        if (client_check_text(args->operands[i], args->operands[i], &eb) != 0) {
            args->status = cli_fail("%s; name the torrent by its info-hash", eb.text);
            return -1;
        }
    fd = client_connect(o, &eb);
    if (fd < 0) {
        args->status = cli_fail("%s", eb.text);
        return -1;
    }
    return fd;
}

int
client_call(int fd, const char *method, json_t *params, json_t **result, struct errbuf *eb)
{
    struct rpc_frame f;
    const char *answer;
    size_t len;
    char *request = rpc_request(method, params, 1, &len);
    int err;

    json_decref(params);
    if (request == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    rpc_frame_init(&f);
    err = send_all(fd, request, len, eb);
    if (err == 0)
        err = receive(fd, &f, &answer, &len, eb);
    if (err == 0)
        err = rpc_response(answer, len, 1, result, eb);
    rpc_frame_fini(&f);
    free(request);
    return err;
}

int
client_print_json(const json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);

    if (text == NULL)
        return cli_fail("out of memory");
    printable_json(stdout, text, strlen(text));
    putchar('\n');
    free(text);
    return CLI_OK;
}

int
client_show(int fd, const struct client_options *o, const char *method, json_t *params,
            client_print_fn print)
{
    struct errbuf eb;
    json_t *result = NULL;
    int status = CLI_OK;

    if (client_call(fd, method, params, &result, &eb) != 0)
        return cli_fail("%s", eb.text);
    if (o->json)
        status = client_print_json(result);
    else if (print != NULL)
        status = print(result);
    json_decref(result);
    return status;
}

int
client_ask(const struct cli_command *self, int argc, const char *const *argv,
           const struct client_question *of_daemon, const struct client_question *of_torrent)
{
    const struct client_question *q = of_daemon;
    struct client_options o;
    struct cli_args args;
    json_t *params = NULL;
    int status, fd;

    fd = client_begin(self, argc, argv, of_daemon == NULL, of_torrent != NULL, &args, &o);
    if (fd < 0)
        return args.status;
    if (args.operand_count > 0) {
        q = of_torrent;
        params = json_pack("{s:s}", "torrent", args.operands[0]);
    }
    status = client_show(fd, &o, q->method, params, q->print);
    close(fd);
    return status;
}

/* Returns the torrents that |args| name as a list of strings: the operands, or for CLIENT_ALL the
 * info-hashes of all torrents. Errors as client_call(). */
static int
list_torrents(int fd, const struct cli_args *args, json_t **out, struct errbuf *eb)
{
    json_t *list = NULL, *each;
    size_t i;
    int err = 0;

    *out = json_array();
    if (args->operand_count == 1 && strcmp(args->operands[0], CLIENT_ALL) == 0) {
        err = client_call(fd, "torrent.list", NULL, &list, eb);
        json_array_foreach(list, i, each)
        {
            const char *v1 = client_text(each, "info_hash_v1");

            json_array_append_new(
                *out, json_string(v1[0] != '\0' ? v1 : client_text(each, "info_hash_v2")));
        }
        json_decref(list);
        return err;
    }
    for (i = 0; i < args->operand_count; i++) {
        json_t *name = json_string(args->operands[i]);

        if (name == NULL)
            return errbuf_set(eb, SPRAT_E_INVAL,
                              "%s: not valid UTF-8; name the torrent by its info-hash",
                              args->operands[i]);
        json_array_append_new(*out, name);
    }
    return 0;
}

int
client_show_each(const struct client_options *o, const struct cli_args *args, const char *method,
                 const json_t *params, client_print_fn print)
{
    struct errbuf eb;
    json_t *torrents = NULL, *each;
    size_t i;
    int status = CLI_OK, fd = client_connect(o, &eb);

    if (fd < 0)
        return cli_fail("%s", eb.text);
    if (list_torrents(fd, args, &torrents, &eb) != 0)
        status = cli_fail("%s", eb.text);
    json_array_foreach(torrents, i, each)
    {
        json_t *one = json_deep_copy(params);

        json_object_set(one, "torrent", each);
        if (client_show(fd, o, method, one, print) != CLI_OK)
            status = CLI_FAILED;
    }
    json_decref(torrents);
    close(fd);
    return status;
}

int
client_for_each(const struct cli_command *self, int argc, const char *const *argv,
                const char *method, const struct client_flag *flags)
{
    struct client_options o = {.socket = NULL};
    json_t *params = json_object();
    struct cli_args args;
    const char *value;
    int id, got, status;

    cli_args_init(&args, self, argc, argv);
    while ((got = cli_next(&args, &id, &value, 1, CLI_OPERANDS_MAX)) > 0) {
        client_option(&o, id, value);
        for (const struct client_flag *f = flags; f != NULL && f->key != NULL; f++)
            if (f->id == id)
                json_object_set_new(params, f->key, json_true());
    }
    status = got < 0 ? args.status : client_show_each(&o, &args, method, params, NULL);
    json_decref(params);
    return status;
}

int
client_check_text(const char *what, const char *value, struct errbuf *eb)
{
    json_t *text = json_string(value);

    if (text == NULL)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "%s: not valid UTF-8, as requests to the daemon have to be", what);
    json_decref(text);
    return 0;
}

int
client_append(json_t *params, const char *key, const char *value, struct errbuf *eb)
{
    json_t *list = json_object_get(params, key);
    int err = client_check_text(value, value, eb);

    if (err != 0)
        return err;

    if (list == NULL) {
        list = json_array();
        json_object_set_new(params, key, list);
    }
    json_array_append_new(list, json_string(value));
    return 0;
}

int
client_put_rate(json_t *params, const char *key, const char *option, const char *value,
                struct errbuf *eb)
{
    uint64_t rate = 0;

    if (strcmp(value, "none") != 0 && (parse_rate(value, &rate) != 0 || rate > INT64_MAX))
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "%s needs bytes a second, as in 500K or 2M, or none, not '%s'", option,
                          value);
    json_object_set_new(params, key, json_integer((json_int_t)rate));
    return 0;
}

int64_t
client_int(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

const char *
client_text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s != NULL ? s : "";
}

const char *
client_why(const json_t *o, char out[WHY_SENTENCE_MAX])
{
    const json_t *w = json_object_get(o, "why"), *next = json_object_get(w, "next_s");
    const char *code = client_text(w, "code");

    if (code[0] == '\0' || strcmp(code, why_code_name(WHY_MOVING)) == 0)
        return NULL;
    return why_sentence(client_text(w, "text"),
                        json_is_integer(next) ? json_integer_value(next) : -1, out);
}
