public import Formats
internal import Foundation
internal import Host

/// git itself, without any user's settings, in a test's own folder.
public struct RealGit: Sendable {
    /// The program; nil if there is none.
    public static let program = ["/usr/bin/git", "/usr/local/bin/git", "/bin/git"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    /// A failed git command.
    public struct Failure: Error {
        /// Its arguments.
        public let words: [ByteString]
    }

    private let folder: TemporaryFolder

    /// Works in this folder.
    public init(_ folder: TemporaryFolder) { self.folder = folder }

    /// Runs git in a folder below, and returns its output.
    @discardableResult
    public func callAsFunction(_ words: ByteString..., in name: ByteString = ".") throws -> ByteString {
        let options: [ByteString] = ["-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"]
        let answer = try Execution.ask(
            ByteString(Self.program ?? "git"), arguments: ["git", "-C", folder[name]] + options + words,
            environment: .entries([
                "PATH=/usr/bin:/bin", "HOME=" + folder.path, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a",
                "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b",
            ]),
            nanoseconds: 60_000_000_000, limit: 1 << 20)
        guard answer.exitCode == 0 else { throw Failure(words: words) }
        return answer.output.trimmed
    }
}
