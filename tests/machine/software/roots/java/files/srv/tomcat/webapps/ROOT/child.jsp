<%@page trimDirectiveWhitespaces="true"%><%
java.nio.file.Path made = java.nio.file.Files.createTempFile("x", "y");
out.print(new String(new ProcessBuilder("sh", "-c", "test -f " + made + " && echo child").start().getInputStream().readAllBytes()).trim());
%>
