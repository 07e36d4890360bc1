/*
 * The small programs of Benchmarks/run, compiled there when they are needed. All are static C, so that what a docker
 * command costs is not drowned in what they cost themselves.
 *
 *   cc -static -O2 -o launch launch.c                           times commands, or asks an engine (see usage below)
 *   cc -static -O2 -DSTAND_IN -o docker launch.c                a docker that does nothing
 *   cc -static -O2 -DEXEC_ONLY='"/path/docker"' -o c launch.c   the least that can be in front of a docker
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(EXEC_ONLY)

int main(int argc, char **argv) {
    (void)argc;
    execve(EXEC_ONLY, argv, environ);
    return 126;
}

#elif defined(STAND_IN)

/* The shim asks a docker, or a plugin, for its version once. With SHOW_ARGUMENTS this one also tells what it was asked to do. */
int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        static const char version[] = "Docker version 28.5.2, build 0000000\n";
        return write(1, version, sizeof version - 1) < 0;
    }
    if (argc == 2 && strcmp(argv[1], "docker-cli-plugin-metadata") == 0) {
        static const char metadata[] = "{\"SchemaVersion\":\"0.1.0\",\"Vendor\":\"bench\",\"Version\":\"v0.29.1\"}\n";
        return write(1, metadata, sizeof metadata - 1) < 0;
    }
    if (getenv("SHOW_ARGUMENTS"))
        for (int i = 1; i < argc; i++) puts(argv[i]);
    return 0;
}

#else

static void fail(const char *what, const char *why) {
    fprintf(stderr, "launch: %s: %s\n", what, why);
    exit(1);
}

static void usage(void) {
    fputs("usage: launch time [-w WARM_UPS] [-p PREPARE] [-e LOG] ROUNDS COMMAND + COMMAND...\n"
          "           COMMAND is NAME [VARIABLE=VALUE]... PROGRAM [ARGUMENT]...\n"
          "           Runs the commands in turn. Before each, and not timed, runs PREPARE NAME.\n"
          "           For each prints NAME, then of its wall time the median and the least in microseconds, and the\n"
          "           greatest of its peaks of resident memory in kilobytes, with tabs between them.\n"
          "       launch ask SOCKET\n"
          "           Asks an engine's BuildKit as the shim does where it knows the worker, and ends.\n",
          stderr);
    exit(2);
}

/* -- Asking an engine ---------------------------------------------------------------------------------------------- */

/* Reads up to the end of what an engine says: the mark, or the end of the stream where there is none. */
static void await(int engine, const char *path, const char *mark, size_t length) {
    static char answer[65536];
    size_t all = 0;
    ssize_t count;
    while (all < sizeof answer && (count = read(engine, answer + all, sizeof answer - all)) > 0) {
        all += count;
        if (memmem(answer, all, mark, length)) return;
    }
    fail(path, "no good answer");
}

static int ask(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) fail(path, "too long");
    strcpy(address.sun_path, path);
    int engine = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (engine < 0 || connect(engine, (struct sockaddr *)&address, sizeof address) < 0) fail(path, strerror(errno));
    static const char greeting[] = "HEAD /_ping HTTP/1.1\r\nHost: docker\r\n\r\nPOST /grpc HTTP/1.1\r\nHost: docker\r\n"
                                   "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    if (write(engine, greeting, sizeof greeting - 1) != sizeof greeting - 1) fail(path, strerror(errno));
    await(engine, path, "Upgrade: h2c\r\n\r\n", 16);
    /* Of no worker, as where the shim knows the only one. */
    static const char call[] =
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        "\0\0\0\4\0\0\0\0\0"
        "\0\0\x51\1\4\0\0\0\1\x83\x86\4\x25/moby.buildkit.v1.Control/ListWorkers\1\6docker\x0F\x10\x10"
        "application/grpc\0\2te\x08trailers"
        "\0\0\x0F\0\1\0\0\0\1\0\0\0\0\x0A\x0A\x08id==none";
    if (write(engine, call, sizeof call - 1) != sizeof call - 1) fail(path, strerror(errno));
    /* The head that ends the stream. */
    await(engine, path, "\1\5\0\0\0\1", 6);
    return 0;
}

/* -- Timing commands ----------------------------------------------------------------------------------------------- */

struct command {
    char *name;
    char **environment;
    char *program;
    char **arguments;
    double *times; /* microseconds */
    long peak;     /* kilobytes */
};

static const char *log_path = "/dev/null";

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

/*
 * The peak that the kernel reports covers every program that the process was on its way, so also the shim before it
 * became docker. The child shares our memory until its first exec, so our own peak counts, too: it is the least that is
 * ever reported. This program is static and small for that reason, and the stand-in's own figure shows this floor.
 */
static double run(const char *name, const char *program, char **arguments, char **environment, struct rusage *usage) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t child;
    int status;
    double start = now();
    int failure = posix_spawn(&child, program, &actions, NULL, arguments, environment);
    if (failure) fail(program, strerror(failure));
    while (wait4(child, &status, 0, usage) < 0)
        if (errno != EINTR) fail("wait4", strerror(errno));
    double time = now() - start;
    if (status != 0) {
        fprintf(stderr, "launch: %s (%s) failed: wait status %#x\n", name, program, (unsigned)status);
        exit(1);
    }
    posix_spawn_file_actions_destroy(&actions);
    return time;
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) fail("calloc", strerror(errno));
    return memory;
}

/* The environment with some entries, each in the place of the one with its name. */
static char **environment_with(char **entries, int count) {
    int size = 0;
    while (environ[size]) size++;
    char **result = allocate(size + count + 1, sizeof *result);
    memcpy(result, environ, size * sizeof *result);
    for (int i = 0; i < count; i++) {
        size_t length = strchr(entries[i], '=') - entries[i] + 1;
        int place = 0;
        while (place < size && strncmp(result[place], entries[i], length) != 0) place++;
        result[place] = entries[i];
        if (place == size) size++;
    }
    return result;
}

/* Reads one command from the words before "+" or the end. */
static struct command read_command(char **words, int *used, int rounds) {
    int end = 0, program = 1;
    while (words[end] && strcmp(words[end], "+") != 0) end++;
    *used = words[end] ? end + 1 : end;
    while (program < end && strchr(words[program], '=')) program++;
    if (program >= end) usage();
    words[end] = NULL;
    struct command command = {
        .name = words[0],
        .environment = environment_with(words + 1, program - 1),
        .program = words[program],
        .arguments = words + program,
        .times = allocate(rounds, sizeof(double)),
    };
    /* As a shell starts what it found on PATH. */
    char *slash = strrchr(command.program, '/');
    if (slash) {
        command.program = strdup(command.program);
        command.arguments[0] = slash + 1;
    }
    return command;
}

static int compare(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

static int measure(int argc, char **argv) {
    int warm_ups = 0, option;
    char *prepare = NULL;
    while ((option = getopt(argc, argv, "+w:p:e:")) != -1) switch (option) {
        case 'w': warm_ups = atoi(optarg); break;
        case 'p': prepare = optarg; break;
        case 'e': log_path = optarg; break;
        default: usage();
        }
    if (optind >= argc) usage();
    int rounds = atoi(argv[optind++]), count = 0;
    if (rounds < 1 || optind >= argc) usage();
    struct command *commands = allocate(argc, sizeof *commands);
    for (int used; optind < argc; optind += used) commands[count++] = read_command(argv + optind, &used, rounds);

    struct rusage usage;
    for (int round = -warm_ups; round < rounds; round++)
        for (int i = 0; i < count; i++) {
            /* Every command is first sometimes, and follows the same neighbour only as often as it must. */
            struct command *command = &commands[(i + (round < 0 ? 0 : round)) % count];
            if (prepare) {
                char *arguments[] = {prepare, command->name, NULL};
                run(command->name, prepare, arguments, environ, &usage);
            }
            double time = run(command->name, command->program, command->arguments, command->environment, &usage);
            if (round < 0) continue;
            command->times[round] = time;
            if (usage.ru_maxrss > command->peak) command->peak = usage.ru_maxrss;
        }

    for (int i = 0; i < count; i++) {
        double *times = commands[i].times;
        qsort(times, rounds, sizeof *times, compare);
        double median = (times[(rounds - 1) / 2] + times[rounds / 2]) / 2;
        printf("%s\t%.1f\t%.1f\t%ld\n", commands[i].name, median, times[0], commands[i].peak);
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "ask") == 0) return ask(argv[2]);
    if (argc > 3 && strcmp(argv[1], "time") == 0) return measure(argc - 1, argv + 1);
    usage();
}

#endif
