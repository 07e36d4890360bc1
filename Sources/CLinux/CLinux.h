// What Swift's own Glibc and Musl modules leave out.
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <sys/syscall.h>
#include <unistd.h>

// Variadic functions are not imported. 434 on every architecture; Linux 5.3.
static inline int slipway_pidfd_open(int process) { return (int)syscall(434, process, 0); }

// Closes descriptors, first and last included. 436 on every architecture; Linux 5.9.
static inline int slipway_close_range(unsigned first, unsigned last) { return (int)syscall(436, first, last, 0u); }

// A pipe that exec closes from the beginning. Linux 2.6.27.
static inline int slipway_pipe2(int *ends, int flags) { return (int)syscall(SYS_pipe2, ends, flags); }

// A file that has no name and lives in memory. Linux 3.17.
static inline int slipway_memfd_create(const char *name) { return (int)syscall(SYS_memfd_create, name, 0u); }

// Never waits for the kernel's pool to fill (GRND_NONBLOCK). Linux 3.17; neither seccomp's old profiles nor gVisor's old ones have it.
static inline long slipway_getrandom(void *to, unsigned long count) { return syscall(SYS_getrandom, to, count, 1u); }

// Sixteen random bytes that the kernel gives every program at its start. Linux 2.6.29.
extern unsigned long getauxval(unsigned long kind);
static inline const void *slipway_start_randomness(void) { return (const void *)getauxval(25 /* AT_RANDOM */); }

// Whether a child has ended: 1, or 0 while it runs. It is not waited for, so its number stays its own: P_PID, WNOHANG, WEXITED and
// WNOWAIT. By number, as whoever includes <signal.h> here takes its types from Glibc's module.
static inline int slipway_has_ended(int child) {
    int told[32] = {0};
    if (syscall(SYS_waitid, 1, child, told, 0x1000005, (void *)0) == -1) return -1;
    return told[0] != 0;
}

// Of the calling process: no disk time while anybody else wants it. There is no ioprio_set in any C library.
#ifdef SYS_ioprio_set
static inline int slipway_idle_disk(void) { return (int)syscall(SYS_ioprio_set, 1, 0, 3 << 13); }
#else
static inline int slipway_idle_disk(void) { return -1; }
#endif

// O_PATH, behind _GNU_SOURCE: the same number on every architecture that Swift knows (asm-generic/fcntl.h).
enum { slipway_o_path = 010000000 };

// Two names change places. RENAME_EXCHANGE is 2; Linux 3.15.
#ifdef SYS_renameat2
static inline int slipway_exchange(const char *one, const char *other) {
    return (int)syscall(SYS_renameat2, -100, one, -100, other, 2u);
}
#endif

// F_OFD_SETLK and F_OFD_GETLK, behind _GNU_SOURCE. Linux 3.15.
enum { slipway_f_ofd_getlk = 36, slipway_f_ofd_setlk = 37 };

// Where a program that is spawned stands. Glibc 2.29 hides it from programs that do not ask for extensions; musl 1.1.24.
extern int posix_spawn_file_actions_addchdir_np(void *actions, const char *path);
static inline int slipway_spawn_in(void *actions, const char *path) {
    return posix_spawn_file_actions_addchdir_np(actions, path);
}
