import Formats

@testable import Git
@testable import History
@testable import WorkingTree

/// What is read of working trees and of builds from them.
enum Trees {
    /// Every path of an accepted index may be looked up below the tree, and nowhere else.
    static func index(_ input: ByteString) {
        let format: GitIndex.ObjectFormat = input.bytes.last.map { $0 & 1 == 1 } ?? false ? .sha256 : .sha1
        #if GROWTH
            // The cost of the checks does not belong to the reader: version 4 names far more bytes than it contains.
            _ = try? GitIndex(input.bytes, format: format).forEach(verifying: false) { _, _, _ in true }
        #else
            checkPaths(input, format)
        #endif
    }

    private static func checkPaths(_ input: ByteString, _ format: GitIndex.ObjectFormat) {
        // The digest at the end would prevent nearly everything from being read.
        var names: [ByteString] = []
        let isWhole = try? GitIndex(input.bytes, format: format).forEach(verifying: false) { _, path, shared in
            let name = ByteString(path.dropLast().map { UInt8(bitPattern: $0) })
            require(!name.isEmpty && !name.hasPrefix("/") && !name.bytes.contains(0), "a path that is none")
            require(!name.split("/").contains { $0 == ".." || $0 == "." || $0 == ".git" }, "a path out of the tree")
            let common = zip(name.bytes, names.last?.bytes ?? []).prefix { $0 == $1 }.map(\.0)
            require(shared == common.lastIndex(of: 0x2F).map { $0 + 1 } ?? 0, "directories that are not shared")
            names.append(name)
            return true
        }
        guard isWhole == true else { return }
        for (former, name) in zip(names, names.dropFirst()) { require(former <= name, "paths out of order") }
    }

    /// Rules, outlines and sources of a COPY: any bytes at all.
    static func texts(_ input: ByteString) {
        if let rules = IgnoreRules(input) {
            for path in ["a", "a/b.log", ".git/config"] as [ByteString] { _ = rules.leavesOut(path) }
            if input.count < 256 { _ = rules.leavesOut(input) }
        }
        let outline = DockerfileOutline(input)
        if let again = DockerfileOutline(outline.json) {
            require(again.json.text == outline.json.text, "an outline is another when it is read again")
        } else {
            require(false, "an outline cannot be read again")
        }
        if let sources = CopySources(of: input) { _ = sources.take("src/file") }
        _ = BuildOutcome(log: input)
        _ = BuildRecord(input)
    }

    /// A record of a context is the same when read again.
    static func record(_ input: ByteString) {
        guard let record = ContextRecord(input) else { return }
        require(ContextRecord(record.bytes)?.bytes == record.bytes, "a record is another when it is read again")
    }
}

/// A record of empty files.
func recordBytes(_ paths: [String]) -> ByteString {
    ContextRecord(entries: paths.map { .init(path: ByteString($0), kind: .file, mode: 0o644) }).bytes
}
