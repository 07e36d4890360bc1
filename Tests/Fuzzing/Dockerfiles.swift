import Formats

@testable import DockerfileLint

/// Dockerfiles: any bytes at all.
enum Dockerfiles {
    /// Parsing loses nothing, every position is in the file, and a second fix changes nothing.
    static func check(_ input: ByteString) {
        let file = Dockerfile(input)
        require(file.printed == input, "print differs from input")
        var position = 0
        for piece in file.pieces {
            require(piece.range.lowerBound == position && !piece.range.isEmpty, "tokens overlap or leave something out")
            position = piece.range.upperBound
        }
        if let images = try? NamedImages(in: file, arguments: ["A": "a"], contexts: ["b"]) {
            require(
                images.names.count <= 16 && images.names.allSatisfy { !$0.isEmpty && $0.count <= 4096 },
                "images that no build has")
        }
        let contexts = [
            ContextFacts.unknown, ContextFacts(ignoreFile: nil, hasGit: true),
            ContextFacts(ignoreFile: input, hasGit: true),
        ]
        let context = contexts[input.count % 3]
        let findings = Linter.findings(in: file, context: context)
        require(
            findings.allSatisfy { (0...input.count).contains($0.offset) && $0.line > 0 && $0.column > 0 },
            "a finding is outside of the file")
        let fixed = Linter.fixed(file, context: context)
        require(fixed.printed == fixed.source, "print differs from what was fixed")
        require(Linter.fixed(fixed, context: context).source == fixed.source, "fixing twice is not fixing once")
        require(
            fixed.source == input || findings.contains(where: \.isFixable), "something was changed without a finding")
    }
}
