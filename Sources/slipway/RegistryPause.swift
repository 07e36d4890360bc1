import Formats
import Host
import Shim

/// A registry that does not answer is left alone for ten minutes, so that not every build waits for it.
struct RegistryPause {
    private let registry: ByteString
    private let file = Locations.state?.appending(path: "builder-registry")

    private static let length: Int64 = 600_000_000_000

    init(_ registry: ByteString) { self.registry = registry }

    /// Whether it has been left alone for less than that.
    var isOn: Bool {
        guard let file, let status = try? Files.status(file), status.owner == Kernel.userID,
            (0..<Self.length).contains(Clock.now &- status.modified),
            let text = try? Files.read(file, limit: 1024, followLinks: false)
        else { return false }
        return text.trimmed == registry
    }

    func begin() {
        guard let file, (try? Files.makeDirectories(file.parentPath, mode: 0o700)) != nil else { return }
        try? Files.replace(file, with: registry + "\n", mode: 0o600)
    }
}
