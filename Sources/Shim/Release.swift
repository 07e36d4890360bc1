/// The version of both programs; CHANGELOG.md tells what is in it.
public enum Release {
    /// As semver.org has it.
    public static let version = "0.2.0"
}
