# escape=`
FROM mcr.example/windows/servercore:ltsc2022
SHELL ["powershell", "-Command", "$ErrorActionPreference = 'Stop';"]
RUN Invoke-WebRequest -Uri https://example.invalid/app.zip -OutFile C:\app.zip; `
    Expand-Archive C:\app.zip -DestinationPath C:\app; `
    # a comment
    Remove-Item C:\app.zip
WORKDIR C:\app\
CMD ["app.exe"]
