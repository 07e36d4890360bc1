import BuildHistory
import Formats
import GitIndex

@testable import Why
@testable import WorkingTree

/// What is read about working trees and builds of them.
enum Trees {
    /// Every path of an index that is believed may be looked up below the tree, and nowhere else.
    static func index(_ input: ByteString) {
        let format: GitIndex.ObjectFormat = input.bytes.last.map { $0 & 1 == 1 } ?? false ? .sha256 : .sha1
        // The digest at the end would keep nearly everything from being read.
        guard let index = try? GitIndex(input.bytes, format: format, verifying: false) else { return }
        for entry in index.entries {
            let path = index.path(of: entry)
            require(!path.isEmpty && !path.hasPrefix("/") && !path.bytes.contains(0), "a path that is none")
            require(!path.split("/").contains { $0 == ".." || $0 == "." }, "a path out of the tree")
            require(index.id(of: entry).count == format.rawValue, "an object's name of another length")
        }
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

    /// What is kept of a context is the same when it is read again.
    static func record(_ input: ByteString) {
        guard let record = ContextRecord(input) else { return }
        require(ContextRecord(record.bytes)?.bytes == record.bytes, "a record is another when it is read again")
    }
}
