/// The version of both programs; CHANGELOG.md tells what is in it.
public enum Version {
    /// As semver.org has it.
    public static let current = "0.1.0"
}
