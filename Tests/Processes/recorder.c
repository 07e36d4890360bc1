/*
 * Stands in for docker: writes down what it was given, and prints nothing.
 *
 * In the folder of this program, `record.json` holds the last call: argv, environment, directory, umask, and of each open descriptor its
 * number, what it leads to and its flags. A byte is a character, so that any bytes can be written: decode with ISO 8859-1. The words are
 * in `argv` and `environment` once more, as bytes with a NUL behind each. What the shim asks on its own is answered, or refused, and not
 * written down: `--version`, and BuildKit's history.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void quoted(FILE *out, const char *text) {
    fputc('"', out);
    for (const unsigned char *byte = (const unsigned char *)text; *byte; byte++) {
        if (*byte == '"' || *byte == '\\')
            fprintf(out, "\\%c", *byte);
        else if (*byte < 0x20 || *byte >= 0x7f)
            fprintf(out, "\\u%04x", *byte);
        else
            fputc(*byte, out);
    }
    fputc('"', out);
}

static void list(FILE *out, const char *name, char **words) {
    fprintf(out, "\"%s\": [", name);
    for (int number = 0; words[number]; number++) {
        if (number) fputs(", ", out);
        quoted(out, words[number]);
    }
    fputs("],\n", out);
}

static int bytes(const char *folder, const char *name, char **words) {
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "we");
    if (!out) return 1;
    for (; *words; words++) fwrite(*words, 1, strlen(*words) + 1, out);
    return fclose(out);
}

static void descriptors(FILE *out, DIR *open_ones) {
    struct dirent *entry;
    const char *between = "";
    fputs("\"descriptors\": [", out);
    while ((entry = readdir(open_ones))) {
        int number = atoi(entry->d_name);
        char target[PATH_MAX + 1];
        /* Its own two: the folder, and the record. */
        if (entry->d_name[0] == '.' || number == dirfd(open_ones) || number == fileno(out)) continue;
        ssize_t length = readlinkat(dirfd(open_ones), entry->d_name, target, PATH_MAX);
        target[length < 0 ? 0 : length] = 0;
        fprintf(out, "%s{\"number\": %d, \"flags\": %d, \"target\": ", between, number, fcntl(number, F_GETFL));
        quoted(out, target);
        fputc('}', out);
        between = ", ";
    }
    fputs("]}\n", out);
}

int main(int argc, char **argv) {
    char path[PATH_MAX + 16], new_path[PATH_MAX + 32], directory[PATH_MAX];
    if (argc == 2 && !strcmp(argv[1], "--version")) {
        puts("Docker version 28.5.2, build 0000000");
        return 0;
    }
    if (argc > 2 && !strcmp(argv[1], "buildx") && !strcmp(argv[2], "history")) return 1;
    /* Whatever the caller's umask is, the record can be read. */
    mode_t mask = umask(0);
    DIR *open_ones = opendir("/proc/self/fd");
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
    if (!open_ones || length < 0) return 99;
    path[length] = 0;
    *strrchr(path, '/') = 0;
    if (bytes(path, "argv", argv) || bytes(path, "environment", environ)) return 99;
    strcat(path, "/record.json");
    snprintf(new_path, sizeof new_path, "%s.%d", path, (int)getpid());
    /* A rename makes it whole. */
    FILE *out = fopen(new_path, "we");
    if (!out) return 99;
    fputc('{', out);
    list(out, "argv", argv);
    list(out, "environment", environ);
    fputs("\"directory\": ", out);
    quoted(out, getcwd(directory, sizeof directory) ? directory : "");
    fprintf(out, ",\n\"umask\": %d,\n", (int)mask);
    descriptors(out, open_ones);
    return fclose(out) || rename(new_path, path) ? 99 : 0;
}
