// The processor's own instructions for SHA-256, which Swift has no names for.
#include <stddef.h>
#include <stdint.h>

// Whether this processor has them: x86-64 with SHA extensions.
int chash_sha256_is_there(void);

// Takes whole blocks of 64 bytes into the eight words of the state. Only where `chash_sha256_is_there` says so.
void chash_sha256_blocks(uint32_t *state, const uint8_t *blocks, size_t count);
