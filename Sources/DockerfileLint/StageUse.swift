internal import Formats

/// Which stages a file's last one depends on: BuildKit builds no others.
enum StageUse {
    /// By number; nil if that depends on a build argument.
    static func needed(in file: Dockerfile) -> Set<Int>? {
        var names: [ByteString: Int] = [:]
        var uses: [[ByteString]] = []
        for instruction in file.instructions {
            let bytes = instruction.text.bytes
            if instruction.keyword == .from {
                let words = WordScanner.words(of: instruction.arguments, in: bytes, escape: file.escape)
                uses.append(words.first.map { [ByteString(bytes[$0])] } ?? [])
                if words.count >= 3, bytes.holdsIgnoringCase("as", at: words[1]) {
                    names[ByteString(bytes[words[2]]).lowercasedASCII] = uses.count - 1
                }
            } else if !uses.isEmpty {
                uses[uses.count - 1] += instruction.flags.compactMap { source(in: instruction.text, $0, file.escape) }
            }
        }
        guard !uses.isEmpty, !uses.joined().contains(where: { $0.contains("$") }) else { return nil }
        var needed: Set<Int> = []
        var waiting = [uses.count - 1]
        while let stage = waiting.popLast() {
            guard needed.insert(stage).inserted else { continue }
            for name in uses[stage] {
                let named = names[name.lowercasedASCII] ?? name.decimal.flatMap { uses.indices.contains($0) ? $0 : nil }
                if let named, named < stage { waiting.append(named) }
            }
        }
        return needed
    }

    /// The name in `--from=` of a COPY or `from=` of a mount.
    private static func source(in text: LogicalText, _ flag: Range<Int>, _ escape: UInt8) -> ByteString? {
        let name: StaticString = "--from="
        if text.bytes.hasPrefix(name, at: flag) {
            return ByteString(text.bytes[(flag.lowerBound + name.utf8CodeUnitCount)..<flag.upperBound])
        }
        return Mount(text, flag, escape: escape)?.value("from")
    }
}
