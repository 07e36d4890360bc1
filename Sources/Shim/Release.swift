/// The version of both programs; CHANGELOG.md describes its changes.
public enum Release {
    /// As defined by semver.org.
    public static let version = "0.2.0"
}
