extension Bool {
    /// The value that Go's strconv.ParseBool reads, as pflag's flags and DOCKER_BUILDKIT use it; nil for any other
    /// text.
    public init?(goText text: ByteString) {
        switch text {
        case "1", "t", "T", "TRUE", "true", "True": self = true
        case "0", "f", "F", "FALSE", "false", "False": self = false
        default: return nil
        }
    }
}
