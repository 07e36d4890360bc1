internal import Formats

/// Which stages the built one depends on: BuildKit builds no others.
enum StageUse {
    /// By number; nil if that depends on a build argument without a default. Without a target the last stage is built.
    static func needed(in file: Dockerfile, target: ByteString?) -> Set<Int>? {
        var names: [ByteString: Int] = [:]
        var uses: [[ByteString]] = []
        var globals = StageState()
        for instruction in file.instructions {
            let bytes = instruction.text.bytes
            if instruction.keyword == .arg, uses.isEmpty {
                for word in WordScanner.words(of: instruction.arguments, in: bytes, escape: file.escape) {
                    let text = ByteString(WordScanner.value(of: word, in: bytes, escape: file.escape))
                    guard let (name, value) = text.cut(at: "=") else { continue }
                    globals.set(name, .init(value: globals.expand(value), place: 0..<0, isArgument: true))
                }
            } else if instruction.keyword == .from {
                let words = WordScanner.words(of: instruction.arguments, in: bytes, escape: file.escape)
                uses.append(words.first.map { [ByteString(bytes[$0])] } ?? [])
                if words.count >= 3, bytes.holdsIgnoringCase("as", at: words[1]) {
                    names[ByteString(bytes[words[2]]).lowercasedASCII] = uses.count - 1
                }
            } else if !uses.isEmpty {
                uses[uses.count - 1] += instruction.flags.compactMap { source(in: instruction.text, $0, file.escape) }
            }
        }
        func stage(_ name: ByteString) -> Int? {
            names[name.lowercasedASCII] ?? name.decimal.flatMap { uses.indices.contains($0) ? $0 : nil }
        }
        var needed: Set<Int> = []
        var waiting = target.map { stage($0).map { [$0] } ?? [] } ?? [uses.count - 1]
        while let next = waiting.popLast() {
            guard uses.indices.contains(next), needed.insert(next).inserted else { continue }
            for use in uses[next] {
                guard let name = globals.expand(use) else { return nil }
                if let named = stage(name), named < next { waiting.append(named) }
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
