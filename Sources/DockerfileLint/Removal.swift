internal import Formats

// Removes a word or a command from a RUN so that the rest is still the same script.

extension Linter {
    /// Removes a word and its separator; nil if that is not safe.
    func removal(of index: Int, _ call: Call, _ run: Run) -> Fix? {
        let script = run.calls.scripts[call.script]
        let words = script.commands[call.command].words
        guard words.indices.contains(index), script.text.isUnbroken(words[index].range) else { return nil }
        let place = script.text.source(of: words[index].range)
        if run.instruction.isJSON {
            return jsonRemoval(index, words, script.text)
        }
        // A redirection that touches the word would take another one as its own.
        guard !script.commands[call.command].redirections.contains(where: { $0.touches == index }) else { return nil }
        return removal(ofWord: place, run)
    }

    private func jsonRemoval(_ index: Int, _ words: [ShellScript.Word], _ text: LogicalText) -> Fix? {
        let range: Range<Int>
        if index + 1 < words.count {
            range = words[index].range.lowerBound..<words[index + 1].range.lowerBound
        } else if index > 0 {
            range = words[index - 1].range.upperBound..<words[index].range.upperBound
        } else {
            return nil
        }
        return text.isUnbroken(range) ? Fix(text.source(of: range)) : nil
    }

    private func removal(ofWord place: Range<Int>, _ run: Run) -> Fix? {
        let bytes = file.source.bytes
        let isHeredoc = run.instruction.heredocs.contains { $0.body.contains(place.lowerBound) }
        let escape = isHeredoc ? 0x5C : file.escape
        var start = place.lowerBound
        while start > 0, bytes[start - 1].isBlank { start -= 1 }
        // It follows another word on its line.
        if start > 0, bytes[start - 1] != 0x0A {
            // The text before it may be the start of a group or a quote, in which blanks may count: the word is a
            // word there, too.
            return start < place.lowerBound ? Fix(start..<place.upperBound) : forward(place)
        }
        // It is the first on its line, and the line continues.
        var end = place.upperBound
        while end < bytes.count, bytes[end].isBlank { end += 1 }
        if end < bytes.count, bytes[end] == escape {
            var next = end + 1
            while next < bytes.count, bytes[next].isBlank || bytes[next] == 0x0D { next += 1 }
            if next < bytes.count, bytes[next] == 0x0A, !isHeredoc || next - end <= 2 { return Fix(start..<next + 1) }
        }
        if end < bytes.count, bytes[end] != 0x0A, bytes[end] != 0x0D {
            return end > place.upperBound ? Fix(place.lowerBound..<end) : nil
        }
        // It is alone on the last line: the line before must end there.
        guard start > 0, bytes[start - 1] == 0x0A else { return nil }
        var before = start - 1
        while before > 0, bytes[before - 1].isBlank || bytes[before - 1] == 0x0D { before -= 1 }
        guard before > 0, bytes[before - 1] == escape else { return nil }
        before -= 1
        var lineStart = before
        while lineStart > 0, bytes[lineStart - 1] != 0x0A { lineStart -= 1 }
        let text = bytes.trimmed(lineStart..<before, \.isSpace)
        guard !text.isEmpty, bytes[text.lowerBound] != UInt8(ascii: "#"), before > 0, bytes[before - 1] != escape else {
            return nil
        }
        while before > lineStart, bytes[before - 1].isBlank { before -= 1 }
        return Fix(before..<place.upperBound)
    }

    private func forward(_ place: Range<Int>) -> Fix? {
        let bytes = file.source.bytes
        var end = place.upperBound
        while end < bytes.count, bytes[end].isBlank { end += 1 }
        return end > place.upperBound ? Fix(place.lowerBound..<end) : nil
    }

    /// Removes a command between, before or after `&&`: its effect is not part of the image, so the others do the
    /// same without it.
    func removal(ofCommand call: Call, _ run: Run) -> Fix? {
        let script = run.calls.scripts[call.script]
        let command = script.commands[call.command]
        guard !run.instruction.isJSON, command.redirections.isEmpty, call.assignments.isEmpty, command.feeds == nil,
            command.words.indices.contains(call.name)
        else { return nil }
        // Only if the command consists of nothing but this call, optionally with `sudo` before it.
        guard command.words.prefix(call.name).allSatisfy({ script.text.bytes.holds("sudo", at: $0.range) }) else {
            return nil
        }
        let isLast = command.after == .edge || command.after == .sequence
        if command.before == .and, command.after == .and || isLast {
            guard call.command > 0 else { return nil }
            let before = script.commands[call.command - 1]
            guard before.depth == command.depth, before.feeds == nil, before.after == .and else { return nil }
            return range(before.range.upperBound..<command.range.upperBound, script, run)
        }
        if command.before == .edge || command.before == .sequence, command.after == .and,
            call.command + 1 < script.commands.count
        {
            let next = script.commands[call.command + 1]
            guard next.depth == command.depth, next.feeds == nil, next.before == .and else { return nil }
            return range(command.range.lowerBound..<next.range.lowerBound, script, run)
        }
        return nil
    }

    /// A range in the file, unless it contains a comment.
    private func range(_ range: Range<Int>, _ script: ShellScript, _ run: Run) -> Fix? {
        let place = script.text.source(of: range)
        guard !file.source.bytes[place].contains(UInt8(ascii: "#")) else { return nil }
        return Fix(place)
    }
}
