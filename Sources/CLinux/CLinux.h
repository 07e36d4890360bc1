// What Swift's own Glibc and Musl modules leave out.
#include <sys/statfs.h>
#include <sys/xattr.h>
