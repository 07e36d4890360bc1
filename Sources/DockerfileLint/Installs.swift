internal import Formats

// Commands that fetch packages by their names or from a list, apart from those that build what the context holds.

extension Calls {
    private static let verbs: [StaticString] = [
        "install", "i", "ci", "clean-install", "add", "sync", "upgrade", "dist-upgrade", "full-upgrade", "build-dep",
        "create", "fetch", "cook", "download",
    ]
    // After these, other words are not the program's own.
    private static let others: [StaticString] = ["run", "exec", "config", "uninstall", "remove", "x", "dlx"]
    private static let archives: [StaticString] = [".whl", ".gem", ".tgz", ".gz", ".deb", ".rpm", ".zip"]

    func installsPackages(_ call: Call) -> Bool {
        switch call.program {
        case .yarn: Tool.yarn.deed(call, self) == .installs
        case .go: downloadsModules(call)
        case .pip, .npm, .uv, .apt, .aptGet, .otherInstaller: installsByName(call)
        default: false
        }
    }

    /// `go mod download`, and `go install` of a module with its version: everything else builds the context, too.
    private func downloadsModules(_ call: Call) -> Bool {
        let words = positionals(of: call)
        guard let first = words.first else { return false }
        if holds("mod", first, of: call) {
            return words.dropFirst().first.map { holds("download", $0, of: call) } ?? false
        }
        return holds("install", first, of: call)
            && words.dropFirst().contains { bytes(of: call).contains("@", in: content($0, of: call)) }
    }

    private func installsByName(_ call: Call) -> Bool {
        var (hasVerb, hasName, hasPath, followsOption) = (false, false, false, false)
        for index in arguments(of: call) {
            let isOption = hasPrefix("-", index, of: call)
            defer { followsOption = isOption }
            guard hasVerb else {
                if Self.verbs.contains(where: { holds($0, index, of: call) }) {
                    hasVerb = true
                } else if Self.others.contains(where: { holds($0, index, of: call) }) {
                    return false
                }
                continue
            }
            if isOption {
                if holds("-r", index, of: call) || hasPrefix("--requirement", index, of: call) { return true }
            } else if isPath(content(index, of: call), bytes(of: call)) {
                hasPath = true
            } else if !followsOption {
                hasName = true
            }
        }
        return hasVerb && (hasName || !hasPath)
    }

    private func isPath(_ word: Range<Int>, _ bytes: [UInt8]) -> Bool {
        guard let first = word.first else { return false }
        return bytes[first] == UInt8(ascii: ".") || bytes[first] == UInt8(ascii: "/")
            || Self.archives.contains { bytes.hasSuffix($0, at: word) }
    }
}
