// BuildCache
